"""One conversation -> token ids and the loss mask: which tokens the model learns to write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from formats.conversation import Conversation, Message, Origin
from ft.errors import UserError
from ft.template.messages import supports_tools, template_messages

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Span:
    """The tokens [start, end) that the assistant wrote in one turn; `message` is the place among the messages."""

    start: int
    end: int
    message: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """`trained[i]` says whether token i carries loss; `spans` are the assistant's turns, trained or not."""

    input_ids: list[int]
    trained: list[bool]
    spans: tuple[Span, ...]


class Renderer:
    """Renders conversations for one tokenizer. What depends on the tokenizer alone is found out once.

    Way 1: where TRL ships a training template for this chat template (its copy with generation markers), the mask is
    that template's. Way 2: else each assistant turn is what rendering it adds to the rendering of the turns before it,
    checked on every conversation. A template that rewrites earlier turns fails that check and is refused: no guess.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        from trl.chat_template_utils import get_training_chat_template, has_generation_markers

        self.tokenizer = tokenizer
        self.native_tools = supports_tools(tokenizer)
        template = tokenizer.chat_template
        try:
            self._marked = get_training_chat_template(tokenizer)
            if self._marked is None and template and has_generation_markers(template):
                self._marked = template["default"] if isinstance(template, dict) else template
        except (ValueError, TypeError, TemplateError):
            self._marked = None
        self._added = set(tokenizer.get_added_vocab().values())

    def render(self, conversation: Conversation) -> Rendered:
        """The tokens of `conversation` and which of them carry loss: assistant turns and the token that ends each.

        Raises:
            UserError: the chat template refuses the conversation, or rewrites earlier turns.
        """
        where = f"{conversation.origin.file}, record {conversation.origin.record}"
        try:
            if self._marked is not None:
                return self._by_markers(conversation)
            return self._by_prefixes(conversation)
        except (TemplateError, TypeError, ValueError) as error:
            raise UserError(
                where,
                f"the model's chat template cannot write this conversation: {error}",
                "Change the order of its turns, remove its system message, or choose another base model.",
            ) from error

    def special_tokens(self) -> set[int]:
        """The tokens that stand for themselves and not for text, such as the one that ends a turn."""
        return self._added

    def prompt(self, messages: list[dict[str, Any]]) -> list[int]:
        """The token ids that ask for the next assistant turn after `messages`, exactly as in training."""
        text = str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def end_of_turn(self) -> int | None:
        """The token that ends an assistant turn, None where the template closes it with plain text."""
        turns = (Message("user", "x"), Message("assistant", "y"), Message("user", "z"))
        rendered = self.render(Conversation(turns, Origin("probe", 1)))
        last = next(
            (token for token, bit in zip(rendered.input_ids[::-1], rendered.trained[::-1], strict=True) if bit), None
        )
        return last if last in self._added else None

    def _by_markers(self, conversation: Conversation) -> Rendered:
        rows, tools = self._rows(conversation)
        out: Any = self.tokenizer.apply_chat_template(
            rows, tools=tools, chat_template=self._marked, return_dict=True, return_assistant_tokens_mask=True
        )
        trained = [bool(bit) for bit in out["assistant_masks"]]
        turns = [place for place, message in enumerate(conversation.messages) if message.role == "assistant"]
        runs = _runs(trained)
        if len(runs) != len(turns):
            # Which run is which turn matters only where a turn is left out of training.
            if not all(conversation.messages[place].train for place in turns):
                raise ValueError("its marked parts cannot be matched to its assistant turns")
            return Rendered(list(out["input_ids"]), trained, tuple(Span(a, b, turns[-1]) for a, b in runs))
        spans = tuple(Span(start, end, place) for (start, end), place in zip(runs, turns, strict=True))
        return Rendered(list(out["input_ids"]), _without_untrained(trained, spans, conversation), spans)

    def _by_prefixes(self, conversation: Conversation) -> Rendered:
        rows, tools = self._rows(conversation)
        shift = len(rows) - len(conversation.messages)  # 1 where the tools became a system message
        text = self._text(rows, tools)
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
        trained = [False] * len(ids)
        spans = []
        for place, message in enumerate(conversation.messages):
            if message.role != "assistant":
                continue
            before = self._text(rows[: place + shift], tools, add_generation_prompt=True) if place + shift else ""
            after = self._text(rows[: place + shift + 1], tools)
            if not text.startswith(before) or not text.startswith(after) or not after.startswith(before):
                raise UserError(
                    f"{conversation.origin.file}, record {conversation.origin.record}",
                    "this model's chat template rewrites earlier turns, so which tokens are the reply is not certain.",
                    "Choose a base model whose template TRL knows or that keeps earlier turns as they were.",
                )
            inside = [i for i, (a, b) in enumerate(offsets) if a >= len(before) and b <= len(after) and b > a]
            if not inside:
                continue
            start, end = inside[0], self._end_of_turn(ids, inside[0], inside[-1] + 1)
            trained[start:end] = [True] * (end - start)
            spans.append(Span(start, end, place))
        return Rendered(list(ids), _without_untrained(trained, tuple(spans), conversation), tuple(spans))

    def _rows(self, conversation: Conversation) -> tuple[list[dict[str, Any]], Any]:
        return template_messages(conversation.messages, conversation.tools, self.native_tools)

    def _text(self, rows: list[dict[str, Any]], tools: Any, **options: Any) -> str:
        return str(self.tokenizer.apply_chat_template(rows, tools=tools, tokenize=False, **options))

    def _end_of_turn(self, ids: list[int], start: int, end: int) -> int:
        """Where the turn ends: after its end-of-turn token, without the white space that a template puts behind it."""
        last = end
        while last > start and ids[last - 1] not in self._added:
            if str(self.tokenizer.decode([ids[last - 1]])).strip():
                return end  # text, not white space, follows: no end-of-turn token to stop at
            last -= 1
        return last if last > start else end


def render(conversation: Conversation, tokenizer: PreTrainedTokenizerBase) -> Rendered:
    """`Renderer(tokenizer).render(conversation)`, for one conversation."""
    return Renderer(tokenizer).render(conversation)


def cut_to(rendered: Rendered, max_length: int) -> Rendered | None:
    """The longest start of `rendered` that ends with a whole assistant turn and has at most `max_length` tokens.

    None where not even the first assistant turn fits.
    """
    if len(rendered.input_ids) <= max_length:
        return rendered
    spans = tuple(span for span in rendered.spans if span.end <= max_length)
    if not spans:
        return None
    end = spans[-1].end
    return Rendered(rendered.input_ids[:end], rendered.trained[:end], spans)


def _runs(bits: list[bool]) -> list[tuple[int, int]]:
    runs, start = [], None
    for place, bit in enumerate([*bits, False]):
        if bit and start is None:
            start = place
        elif not bit and start is not None:
            runs.append((start, place))
            start = None
    return runs


def _without_untrained(trained: list[bool], spans: tuple[Span, ...], conversation: Conversation) -> list[bool]:
    for span in spans:
        if not conversation.messages[span.message].train:
            trained[span.start : span.end] = [False] * (span.end - span.start)
    return trained
