"""What a chat template makes the model write in one assistant turn, after the prompt that the chat shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]
Write = Callable[[Rows, bool], str]

_THINK, _END_THINK = "<think>", "</think>"
_PROBE = "sidetune_probe"


def reply_after(prompt: str, before: Rows, turn: dict[str, Any], write: Write) -> str | None:
    """The text that follows `prompt` in the assistant's `turn`, its end included; None where that is not certain.

    `write(rows, ask)` renders messages, with the generation prompt behind them where `ask`; `prompt` is that of the
    messages `before`. Mostly what is written of the turn starts with the prompt. Two habits of templates where it does
    not are known:

    - The prompt opens reasoning that this turn does not have. The model has to close it then, as the template closes
      reasoning that is there; or, where the template leaves all reasoning out, as DeepSeek-R1 closes its own
      (https://huggingface.co/deepseek-ai/DeepSeek-R1, "Usage Recommendations": each reply starts with "<think>\\n").
    - The template shows the reasoning between tool calls until the answer is there, and leaves it out from then on
      (gpt-oss). The answer is then what the template writes where that reasoning never was.
    """
    written = write([*before, turn], False)
    if written.startswith(prompt):
        return written[len(prompt) :]
    if prompt.rstrip("\n").endswith(_THINK):
        opened = prompt.rindex(_THINK)
        return _closed(prompt, written[opened:], before, turn, write) if written.startswith(prompt[:opened]) else None
    bare = [{key: value for key, value in row.items() if key != "reasoning_content"} for row in before]
    asked = write(bare, True)
    if written.startswith(asked) and written == write([*bare, turn], False):
        return written[len(asked) :]
    return None


def _closed(prompt: str, rest: str, before: Rows, turn: dict[str, Any], write: Write) -> str | None:
    reasoned = write([*before, turn | {"reasoning_content": _PROBE}], False)
    if reasoned.startswith(prompt + _PROBE):
        return None if turn.get("reasoning_content") else reasoned[len(prompt + _PROBE) :]
    if _THINK in rest or _PROBE in reasoned:
        return None
    inside, _, _ = turn["content"].rpartition(_END_THINK)
    reasoning = turn.get("reasoning_content") or inside.strip().removeprefix(_THINK)
    line = "" if prompt.endswith("\n") else "\n"
    return f"{line}{reasoning.strip()}\n{_END_THINK}\n\n{rest.lstrip()}"
