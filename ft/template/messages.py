"""A Conversation as the list of dicts that a tokenizer's chat template takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from formats.conversation import Message
from ft.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What a template raises on messages that it does not take; one that divides by their number raises ZeroDivisionError.
REFUSALS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
TOOLS_AS_TEXT = (
    "This model's chat template has no place for tools: tool definitions and calls are written as text (<tools> in the "
    "system message, <tool_call> in the reply)."
)
REASONING_LEFT_OUT = (
    "This model's chat template has no place for reasoning: what replies thought first is left out, and only the "
    "replies are learnt."
)
SYSTEM_WITH_USER = (
    "This model's chat template has no place for a system message: its text is put before the first message of the "
    "user, in training and in the chat."
)
_SAID = 500  # characters of what a template says
_PROBE = "sidetune_probe"
_ASK = {"role": "user", "content": "x"}


def supports_tools(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the chat template writes tool calls. Many do not, and drop them without a word: so it is tried."""
    return _writes(tokenizer, [_ASK, _call(_PROBE)])


def supports_results(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the chat template writes what a tool answered: messages of the role tool, behind a call or a text."""
    result = {"role": "tool", "name": "f", "tool_call_id": "call00001", "content": _PROBE}
    return any(_writes(tokenizer, [_ASK, said, result]) for said in (_call("f"), {"role": "assistant", "content": "y"}))


def supports_reasoning(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the chat template writes what a reply thought first. Many do not, and drop it without a word."""
    return _writes(tokenizer, [_ASK, {"role": "assistant", "reasoning_content": _PROBE, "content": "y"}])


def supports_system(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the chat template writes a system message. Some refuse it (Gemma 2), and some drop it without a word."""
    turns = [{"role": "system", "content": _PROBE}, _ASK]
    return _writes(tokenizer, turns) or _writes(tokenizer, in_parts(turns))


def takes_parts(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the chat template writes a text only as a list of parts, as those of models that see pictures do."""
    text: list[Any] = [{"role": "user", "content": _PROBE}]
    return not _writes(tokenizer, text) and _writes(tokenizer, in_parts(text))


def in_parts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`rows` for a template that takes texts as parts alone."""
    return [row | {"content": [{"type": "text", "text": row["content"]}]} for row in rows]


def refusal(error: Exception) -> str:
    """What a template says, which raised this one of REFUSALS, as a sentence."""
    return (str(error)[:_SAID] or type(error).__name__).rstrip(". ") + "."


def system_with_user(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`rows` for a template that does not write a system message: its text begins the first turn of the user, as
    Gemma 3's own template has it; where the assistant speaks first it is that turn."""
    if not rows or rows[0]["role"] != "system":
        return rows
    system, *rest = rows
    if not rest or rest[0]["role"] != "user":
        return [system | {"role": "user"}, *rest]
    return [rest[0] | {"content": f"{system['content']}\n\n{rest[0]['content']}"}, *rest[1:]]


def results_as_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`rows` for a template that does not write what a tool answered: user turns, as Qwen models have it."""
    return [
        {"role": "user", "content": f"<tool_response>\n{row['content']}\n</tool_response>"}
        if row["role"] == "tool"
        else row
        for row in rows
    ]


def _call(name: str) -> dict[str, Any]:
    call = {"id": "call00001", "type": "function", "function": {"name": name, "arguments": {}}}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def _writes(tokenizer: PreTrainedTokenizerBase, turns: list[Any]) -> bool:
    try:
        return _PROBE in str(tokenizer.apply_chat_template(turns, tokenize=False))
    except REFUSALS:
        return False


def template_messages(
    messages: Sequence[Message], tools: Sequence[str], native_tools: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    """(messages, tools) for `apply_chat_template`.

    With `native_tools` False (see `supports_tools`) the tool definitions go into the system message and each call into
    the assistant's text, in the tags that Hermes and Qwen models use, so that nothing the person uploaded is left out.
    """
    rows = [_row(message, native_tools) for message in messages]
    if native_tools or not tools:
        return rows, [json.loads(tool) for tool in tools] or None
    listed = (
        'You can call these tools. Answer with <tool_call>{"name": ..., "arguments": ...}</tool_call> to call one.\n'
    )
    listed += "<tools>\n" + "\n".join(tools) + "\n</tools>"
    if rows and rows[0]["role"] == "system":
        rows[0]["content"] += "\n\n" + listed
    else:
        rows.insert(0, {"role": "system", "content": listed})
    return rows, None


def _row(message: Message, native_tools: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.role == "tool":
        row |= {"name": message.name} if message.name else {}
        row |= {"tool_call_id": message.tool_call_id} if message.tool_call_id else {}
    if message.reasoning is not None:
        row["reasoning_content"] = message.reasoning
    if message.tool_calls and native_tools:
        row["tool_calls"] = [
            {
                **({"id": call.id} if call.id else {}),
                "type": "function",
                "function": {"name": call.name, "arguments": json.loads(call.arguments)},
            }
            for call in message.tool_calls
        ]
    elif message.tool_calls:
        calls = "\n".join(
            f'<tool_call>\n{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}\n</tool_call>'
            for call in message.tool_calls
        )
        row["content"] = f"{message.content}\n{calls}" if message.content else calls
    return row


def prompt_for(renderer: Any, messages: Sequence[Message]) -> list[int]:
    """The token ids that ask for the reply to `messages`, by a `Renderer` or what does its work elsewhere.

    Raises:
        UserError: the chat template cannot write them.
    """
    rows, _ = template_messages(messages, (), renderer.native_tools)
    try:
        return list(renderer.prompt(rows))
    except REFUSALS as error:
        why = f"the model's chat template cannot write it: {refusal(error)}"
        raise UserError("this conversation", why, "Clear the chat, or change the system prompt.") from error
