"""A chat that stands in one text, as Anthropic's HH-RLHF writes it: a blank line and "Human: " or "Assistant: " before
each turn."""

from __future__ import annotations

import re

_SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant):(?: |$|(?=\n))")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def turns_of(text: object) -> list[dict[str, str]]:
    """The turns of a chat in one text, as records of messages; [] where it is none, or does not end with a reply."""
    if not isinstance(text, str):
        return []
    said = _SPEAKER.split(text.strip())
    turns = [
        {"role": _ROLES[speaker], "content": content.strip()}
        for speaker, content in zip(said[1::2], said[2::2], strict=True)
    ]
    whole = not said[0] and len(turns) > 1 and turns[0]["role"] == "user" and turns[-1]["role"] == "assistant"
    return turns if whole else []
