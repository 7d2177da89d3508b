"""One conversation -> token ids and the loss mask: which tokens the model learns to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError

from formats.conversation import Conversation
from formats.repair import has_name
from ft.errors import UserError
from ft.template.encoding import Encoded, Encoding
from ft.template.messages import (
    REASONING_LEFT_OUT,
    REFUSALS,
    SYSTEM_WITH_USER,
    TOOLS_AS_TEXT,
    in_parts,
    refusal,
    results_as_text,
    supports_reasoning,
    supports_results,
    supports_system,
    supports_tools,
    system_with_user,
    takes_parts,
    template_messages,
)
from ft.template.rendered import Rendered, Span, joined
from ft.template.reply import Rows, reply_after

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


_TODO = "Change the order of its turns, remove its system message, or choose another base model."
_BROKEN = "it has an error, so no conversation can be written with it: {said}"
_TODO_BROKEN = "Mend the template in the model's own files, or choose another base model."
_TODO_NAMES = (
    "Where several people speak in a row, convert the file again with the repair names_in_text: it joins their turns, "
    "with the names in the text. Else choose another base model."
)


class UnwritableError(UserError):
    """The chat template cannot write one conversation; others it may."""


class Renderer:
    """Renders conversations for one tokenizer. What depends on the tokenizer alone is found out once.

    The model learns each assistant turn behind the tokens that the chat will show it (`prompt` of the messages before),
    and learns to write the turn and the token that ends it. A row of tokens holds as many turns as it can stand for:
    all of them, where the template leaves what was written as it was, so that a conversation is one sample. Where the
    template rewrites earlier turns (Qwen3 leaves their reasoning out, gpt-oss ends them with another token), the turn
    after is a sample of its own: the prompt as the chat shows it, and the reply.

    Way 1: where TRL ships a training template for this chat template (its copy with generation markers), the turn and
    its mask are that template's, if it starts with the prompt. Way 2: else the turn is what rendering it adds to the
    prompt (see `ft.template.reply`). Where neither starts with the prompt, the conversation is refused: no guess.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        from trl.chat_template_utils import get_training_chat_template, has_generation_markers

        self.tokenizer = tokenizer
        self.native_tools = supports_tools(tokenizer)
        self.native_reasoning = supports_reasoning(tokenizer)
        self._native_system = supports_system(tokenizer)
        self._native_results = supports_results(tokenizer)
        self._in_parts = takes_parts(tokenizer)
        template = tokenizer.chat_template
        try:
            self._marked = get_training_chat_template(tokenizer)
            if self._marked is None and template and has_generation_markers(template):
                self._marked = template["default"] if isinstance(template, dict) else template
        except REFUSALS:
            self._marked = None
        self._encoding = Encoding(tokenizer)
        self._closing: int | None = None
        self._closing = self._find_closing()

    def samples(self, conversation: Conversation) -> list[Rendered]:
        """What training takes of `conversation`: mostly one sample, several where the template rewrites earlier turns.

        Every assistant turn that is to be trained is trained once, in order. One that opens the conversation is only
        read: no prompt asks for it. Where no turn is trained, the one sample carries no loss.

        Raises:
            UnwritableError: the chat template refuses the conversation, or what it makes of a turn is not certain.
            UserError: the chat template has an error.
        """
        where = f"{conversation.origin.file}, record {conversation.origin.record}"
        try:
            return self._samples(conversation)
        except REFUSALS as error:
            said = refusal(error)
            if isinstance(error, TemplateSyntaxError):
                raise UserError("the base model's chat template", _BROKEN.format(said=said), _TODO_BROKEN) from error
            raise UnwritableError(
                where,
                f"the model's chat template cannot write this conversation: {said}",
                _TODO_NAMES if any(map(has_name, conversation.messages)) else _TODO,
            ) from error
        except _Uncertain as error:
            raise UnwritableError(
                where,
                f"this model's chat template writes message {error.place + 1} otherwise than its own prompt for it "
                "begins, so what the model would have to write is not certain.",
                "Leave that message out (or its reasoning, if it has any), or choose another base model.",
            ) from error

    def remarks(self, conversation: Conversation) -> list[str]:
        """What of `conversation` the chat template has no place for, in a sentence each."""
        messages = conversation.messages
        tools = conversation.tools or any(message.tool_calls for message in messages)
        reasoning = any(message.reasoning for message in messages)
        return [
            *([TOOLS_AS_TEXT] if tools and not self.native_tools else ()),
            *([REASONING_LEFT_OUT] if reasoning and not self.native_reasoning else ()),
            *([SYSTEM_WITH_USER] if messages[0].role == "system" and not self._native_system else ()),
        ]

    def special_tokens(self) -> set[int]:
        """The tokens that stand for themselves and not for text, such as the one that ends a turn."""
        return set(self._encoding.added)

    def prompt(self, messages: Rows, tools: Any = None) -> list[int]:
        """The token ids that ask for the next assistant turn after `messages`, exactly as in training."""
        return self._encoding.encode(self._text(messages, tools, True)).ids

    def end_of_turn(self) -> int | None:
        """The token that ends an assistant turn, None where the template closes it with plain text."""
        return self._closing

    def _find_closing(self) -> int | None:
        # What the next prompt shows of a reply tells the token that ends a turn from the one that ends the text
        # (Phi-3: <|end|>, then </s>). Where it shows another token (gpt-oss: <|end|>), the reply's own counts.
        rows: Rows = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
        try:
            turn, _ = self._turn(rows, None, 1, None)
            then = self.prompt([*rows, {"role": "user", "content": "z"}])
        except (*REFUSALS, _Uncertain):
            return None
        if turn is None:
            return None
        (span,) = turn.spans
        same = next((n for n, pair in enumerate(zip(turn.input_ids, then, strict=False)) if pair[0] != pair[1]), None)
        for end in (len(turn.input_ids) if same is None else same, span.end):
            last = turn.input_ids[self._end_of_turn(turn.input_ids, span.start, end) - 1] if end > span.start else None
            if last in self._encoding.added:
                return last
        return None

    def _samples(self, conversation: Conversation) -> list[Rendered]:
        messages = conversation.messages
        rows, tools = template_messages(messages, conversation.tools, self.native_tools)
        rows = rows if self._native_results else results_as_text(rows)
        shift = len(rows) - len(messages)  # 1 where the tools became a system message
        found: list[Rendered] = []
        known: Encoded | None = None
        for place, message in enumerate(messages):
            if message.role != "assistant" or not message.train or not place + shift:
                continue
            turn, known = self._turn(rows[: place + shift + 1], tools, place, known)
            if turn is None:
                continue
            longer = joined(found[-1], turn) if found else None
            found[-1 if longer else len(found) :] = [longer or turn]
        if found:
            return found
        ids = self._encoding.encode(self._text(rows, tools, False)).ids
        return [Rendered(ids, [False] * len(ids), ())]

    def _turn(self, rows: Rows, tools: Any, place: int, known: Encoded | None) -> tuple[Rendered | None, Encoded]:
        """The prompt for the last of `rows` and that turn, None where there is nothing to write; what was encoded."""
        prompt = self._encoding.encode(self._text(rows[:-1], tools, True), known)
        start = len(prompt.ids)
        if self._marked is not None and (marked := self._by_markers(rows, tools, prompt.ids, place)):
            return marked, prompt
        reply = reply_after(prompt.text, rows[:-1], rows[-1], lambda some, ask: self._text(some, tools, ask))
        if reply is None:
            raise _Uncertain(place)
        whole = self._encoding.encode(prompt.text + reply, prompt)
        ids = whole.ids
        if ids[:start] != prompt.ids:
            # A tokenizer may join the prompt's end and the reply's start (line breaks). In the chat they come apart.
            ids = prompt.ids + self._encoding.encode(reply).ids
            if self.tokenizer.decode(ids) != self.tokenizer.decode(whole.ids):
                raise ValueError("its tokenizer cannot part a reply from the prompt before it")
        if len(ids) == start:
            return None, whole
        end = self._end_of_turn(ids, start, len(ids))
        trained = [False] * start + [True] * (end - start) + [False] * (len(ids) - end)
        return Rendered(ids, trained, (Span(start, end, place),)), whole

    def _by_markers(self, rows: Rows, tools: Any, prompt: list[int], place: int) -> Rendered | None:
        """The turn as TRL's template marks it; None where it does not start with the prompt, or marks nothing of it."""
        out: Any = self.tokenizer.apply_chat_template(
            self._taken(rows),
            tools=tools,
            chat_template=self._marked,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        ids, marks = list(out["input_ids"]), out["assistant_masks"]
        start, stop = len(prompt), len(marks)
        while stop > start and not marks[stop - 1]:
            stop -= 1
        if ids[:start] != prompt or stop == start:
            return None
        # Some mark the end of the prompt too (Qwen2.5: the line break before the reply). That stays as TRL has it.
        first = start
        while first and marks[first - 1]:
            first -= 1
        trained = [False] * first + [True] * (stop - first) + [False] * (len(ids) - stop)
        return Rendered(ids, trained, (Span(start, self._end_of_turn(ids, start, stop), place),))

    def _text(self, rows: Rows, tools: Any, ask: bool) -> str:
        rows = self._taken(rows)
        return str(self.tokenizer.apply_chat_template(rows, tools=tools, tokenize=False, add_generation_prompt=ask))

    def _taken(self, rows: Rows) -> Rows:
        """The messages as this chat template takes them."""
        rows = rows if self._native_system else system_with_user(rows)
        return in_parts(rows) if self._in_parts else rows

    def _end_of_turn(self, ids: list[int], start: int, end: int) -> int:
        """Where the turn ends: behind its end-of-turn token, without what a template puts behind that."""
        last = None
        for place in range(end, start, -1):
            token = ids[place - 1]
            if token not in self._encoding.added:
                if str(self.tokenizer.decode([token])).strip():
                    break
            elif token == self._closing:
                return place
            else:
                last = last or place
        return last or end


class _Uncertain(Exception):
    """What the model would have to write in the message `place` cannot be told from the template."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place
