"""What a run asks its model before, during and after training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from formats.conversation import Conversation
from ft.errors import UserError
from ft.template.messages import prompt_for
from ft.template.render import Renderer

LONGEST_PROMPT = 256  # tokens: a longer one would take longer than it tells


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions, each with the tokens that ask for the reply, and the token that ends one."""

    questions: list[tuple[str, list[int]]]
    end_of_turn: int | None


def questions(conversations: Iterable[Conversation], renderer: Renderer, many: int) -> list[tuple[str, list[int]]]:
    """The first `many` different openings that end with a user's turn, each with the tokens that ask for the reply.

    Conversations with tools and long openings are passed over.
    """
    found: dict[str, list[int]] = {}
    for conversation in conversations:
        if len(found) == many:
            break
        roles = [message.role for message in conversation.messages]
        opening = conversation.messages[: roles.index("assistant")] if "assistant" in roles else ()
        if not opening or opening[-1].role != "user" or conversation.tools or opening[-1].content in found:
            continue
        try:
            prompt = prompt_for(renderer, opening)
        except UserError:  # the chat template cannot write it
            continue
        if len(prompt) <= LONGEST_PROMPT:
            found[opening[-1].content] = prompt
    return list(found.items())
