"""A conversation with two models as plain values: what is kept, sent to the models and shown."""

from __future__ import annotations

from html import escape
from itertools import islice
from typing import Any, Literal

from formats.conversation import Message
from ft.chat.pair import Pair, Reply

Side = Literal["base", "tuned"]
# {"user": str, "base": {...}, "tuned": {...}, "kl": float | None, "base_is_base": bool | None}; a reply is
# {"text", "tokens", "seconds", "reason"}, the reason one of `ft.chat.pair.Reason` or "cancelled"
Turn = dict[str, Any]
SIDES: tuple[Side, ...] = ("base", "tuned")
KEPT_CONVERSATIONS = 8
KEPT_TURNS = 40


def kept_under(run: str, checkpoint: str) -> str:
    """The key of the conversation with that checkpoint of that run."""
    return f"{run}/{checkpoint}"


def last_kept(kept: object) -> tuple[str, str]:
    """The run and the checkpoint of the conversation that was gone on with last; ("", "") where none is kept."""
    for key in islice(reversed(kept), KEPT_CONVERSATIONS) if isinstance(kept, dict) else ():
        run, slash, checkpoint = str(key).rpartition("/")
        if slash and turns_of(kept, key):
            return run, checkpoint
    return "", ""


def keep(kept: dict[str, list[Turn]] | None, key: str, turns: list[Turn]) -> dict[str, list[Turn]]:
    """`kept` with `turns` under `key`, small enough for a browser: the conversations used last, their last turns."""
    # While a reply streams in, Gradio's own mark of an update may lie among them in the browser.
    others = {name: found for name, found in (kept or {}).items() if name != key and isinstance(found, list)}
    if not turns:
        return others
    newest = dict(list(others.items())[-(KEPT_CONVERSATIONS - 1) :])
    return {**newest, key: turns[-KEPT_TURNS:]}


def moved(kept: dict[str, list[Turn]], old: str, new: str) -> dict[str, list[Turn]]:
    """`kept` with the conversation under `old` gone on with under `new`, where there is none yet: as it was where there
    is none to move."""
    turns = turns_of(kept, old)
    if not turns or turns_of(kept, new):
        return kept
    return keep(keep(kept, old, []), new, turns)


def turns_of(kept: object, key: str) -> list[Turn]:
    """The last turns under `key`, at most KEPT_TURNS, without what is of another shape than a turn: what a browser
    keeps is a person's own to change."""
    found = kept.get(key) if isinstance(kept, dict) else None
    if not isinstance(found, list):
        return []
    return [turn for turn in found[-KEPT_TURNS:] if _is_turn(turn)]


def _is_turn(turn: object) -> bool:
    return (
        isinstance(turn, dict)
        and isinstance(turn.get("user"), str)
        and isinstance(turn.get("kl"), float | int | None)
        and isinstance(turn.get("base_is_base"), bool | None)
        and all(_is_reply(turn.get(side)) for side in SIDES)
    )


def _is_reply(reply: object) -> bool:
    return (
        isinstance(reply, dict)
        and isinstance(reply.get("text"), str)
        and isinstance(reply.get("tokens"), int | None)
        and isinstance(reply.get("seconds"), float | int | None)
        and isinstance(reply.get("reason"), str | None)
    )


def new_turn(prompt: str, pair: Pair | None = None) -> Turn:
    """The turn that `prompt` began and `pair` answers so far (None: not a word yet)."""
    base, tuned = (pair.base, pair.tuned) if pair else (Reply(), Reply())
    return {
        "user": prompt,
        "base": _reply(base),
        "tuned": _reply(tuned),
        "kl": pair.first_token_kl if pair else None,
        "base_is_base": pair.base_is_base if pair else None,
    }


def _reply(reply: Reply) -> dict[str, Any]:
    return {
        "text": reply.text,
        "tokens": reply.tokens,
        "seconds": round(reply.seconds, 1),
        "reason": reply.reason,
    }


def stopped(turn: Turn) -> Turn:
    """The turn where nothing more is written: a reply that has not ended was stopped."""
    return {**turn, **{side: {**turn[side], "reason": turn[side]["reason"] or "cancelled"} for side in SIDES}}


def is_whole(reply: dict[str, Any]) -> bool:
    """Whether the model ended the reply itself: it was neither stopped nor cut, and is not being written."""
    return bool(reply["text"]) and reply.get("reason") == "stop"


def history(turns: list[Turn], side: Side, system: str, prompt: str) -> list[Message]:
    """What the model of that side reads: each side remembers its own replies, and both the same questions. A question
    that it never answered is left out, as no chat template takes two questions in a row."""
    messages = [Message("system", system.strip())] if system.strip() else []
    for turn in turns:
        if turn[side]["text"]:
            messages += [Message("user", turn["user"]), Message("assistant", turn[side]["text"])]
    return [*messages, Message("user", prompt)]


def shown(turns: list[Turn], side: Side) -> list[dict[str, Any]]:
    """The pane of that side, as gr.Chatbot takes it: the words as they were written, and under each reply, as a part of
    its own, its figures."""
    messages: list[dict[str, Any]] = []
    for turn in turns:
        reply = turn[side]
        words = reply["text"] or ("(no words)" if reply.get("reason") else "…")
        messages.append({"role": "user", "content": [_part(turn["user"])]})
        messages.append({"role": "assistant", "content": [_part(each) for each in (words, footnote(reply)) if each]})
    return messages


def _part(text: str) -> dict[str, str]:
    # gr.Chatbot takes its text for HTML, also where it renders no Markdown: what was typed or generated is escaped.
    return {"type": "text", "text": escape(text, quote=False)}


def footnote(reply: dict[str, Any]) -> str:
    """ "42 tokens · 3.1 s", with why it ended where that was not the model's own choice; "" before the first token."""
    tokens, reason = reply.get("tokens") or 0, reply.get("reason") or ""
    if not tokens and not reason:
        return ""
    why = {"length": " · cut at the longest reply", "cancelled": " · stopped"}.get(reason, "")
    return f"{tokens} {'token' if tokens == 1 else 'tokens'} · {float(reply.get('seconds') or 0):.1f} s{why}"


def proof(turns: list[Turn]) -> str:
    """What shows that the base pane is the base model, in words, after the newest turn; "" before the first."""
    if not turns or turns[-1].get("base_is_base") is None:
        return ""
    turn = turns[-1]
    if not turn["base_is_base"]:
        return "The base pane could not be confirmed: with the adapter off, the model does not answer as it did before."
    checked = "Base pane checked: with the adapter off, the model gives exactly the scores it gave before training."
    kl = next((each["kl"] for each in reversed(turns) if each.get("kl") is not None), None)
    if kl is None:
        return checked
    asked = "" if turn.get("kl") is not None else " when both were last asked the same thing"
    return (
        f"{checked} Difference between the two at the first token{asked}: KL {kl:.3g} nats (0 would be no difference)."
    )
