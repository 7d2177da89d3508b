"""One question to both models: what the Chat tab shows while the replies are written, and what it keeps of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from html import escape
from random import randrange
from typing import Any

import gradio as gr

from ft.chat.engine import Engine
from ft.chat.pair import Pair
from ft.errors import UserError
from ft.ui import alerts, chat_turns
from ft.ui.background import Say, follow
from ft.ui.chat_turns import Turn

_KEPT_EVERY = 1.0  # seconds between two times that the browser is given a growing reply to keep


@dataclass
class Talk:
    """What is happening in one visitor's panes, seen by all of their events: Send says that it is `going` and looks for
    `stop_asked`; Stop sets that; and nothing else may touch the panes meanwhile. `picked`: the checkpoint that somebody
    chose themselves, as `chat_turns.kept_under` names it."""

    going: bool = False
    stop_asked: bool = False
    picked: str = ""


@dataclass(frozen=True)
class Question:
    """What is asked, of what, and how the replies are to be drawn: with another seed each time."""

    prompt: str
    run: str
    checkpoint: str
    system: str
    temperature: float
    longest: int
    seed: int = field(default_factory=lambda: randrange(2**31))


_PANES = 3  # outputs of `panes`


def panes(turns: list[Turn]) -> tuple[Any, ...]:
    """Base pane, tuned pane and the line of proof, for `turns`."""
    text = chat_turns.proof(turns)
    return (
        chat_turns.shown(turns, "base"),
        chat_turns.shown(turns, "tuned"),
        gr.HTML(f'<p class="chat-proof">{escape(text)}</p>' if text else "", visible=bool(text)),
    )


def controls(going: bool, turns: list[Turn], status: str = "", problem: UserError | None = None) -> tuple[Any, ...]:
    """Status line, alert, Send, Stop, Retry, Clear, the sample questions, and the choice of run and checkpoint."""
    return (
        gr.HTML(f'<p class="chat-status" role="status">{escape(status)}</p>' if status else "", visible=bool(status)),
        alerts.shown(problem) if problem else alerts.hidden(),
        gr.Button(interactive=not going),
        gr.Button(visible=going),
        gr.Button(interactive=not going and bool(turns)),
        gr.Button(interactive=not going and bool(turns)),
        gr.Row(visible=not turns and not going),
        gr.Dropdown(interactive=not going),
        gr.Dropdown(interactive=not going),
    )


def answer(
    engine: Engine, question: Question, turns: list[Turn], kept: dict[str, list[Turn]], talk: Talk, again: bool = False
) -> Iterator[tuple[Any, ...]]:
    """Ask both models and yield (panes, controls, the prompt box, what the browser keeps) as the replies grow.

    `turns` are those so far; with `again` the last of them is the question, and its replies are replaced by others.
    While it grows, the browser keeps the new turn as one that was stopped: so a page that is loaded anew shows it.
    Where not a word is written, all is as it was, and the question is in its box.
    """
    if not question.prompt.strip():
        yield *panes(turns), *controls(False, turns), gr.skip(), gr.skip()
        return
    talk.going, talk.stop_asked = True, False
    try:
        yield from _answer(engine, question, turns, kept, talk, again)
    finally:
        talk.going = False


def _answer(
    engine: Engine, question: Question, turns: list[Turn], kept: dict[str, list[Turn]], talk: Talk, again: bool
) -> Iterator[tuple[Any, ...]]:
    def keeping(turns: list[Turn]) -> dict[str, list[Turn]]:
        return chat_turns.keep(kept, chat_turns.kept_under(question.run, question.checkpoint), turns)

    def with_reply(pair: Pair | None) -> list[Turn]:
        return [*before, chat_turns.new_turn(question.prompt, pair)]

    def as_stopped(turns: list[Turn]) -> list[Turn]:
        return [*turns[:-1], chat_turns.stopped(turns[-1])]

    before = turns[:-1] if again else turns
    pair: Pair | None = None
    problem: UserError | None = None
    growing, kept_at = with_reply(None), time.monotonic()
    try:
        waiting = "Waiting for another conversation to end its reply" if engine.busy else "Reading the question"
        begun = gr.skip() if again else keeping(as_stopped(growing))
        yield *panes(growing), *controls(True, growing, waiting), gr.skip() if again else "", begun
        with closing(follow(_reply(engine, question, before))) as all_news:
            for news in all_news:
                if isinstance(news, Pair):
                    pair, growing, saved = news, with_reply(news), gr.skip()
                    if time.monotonic() - kept_at >= _KEPT_EVERY:
                        saved, kept_at = keeping(as_stopped(growing)), time.monotonic()
                    yield *panes(growing), *controls(True, growing), gr.skip(), saved
                elif isinstance(news, str):
                    yield *panes(growing), *controls(True, growing, news), gr.skip(), gr.skip()
                if talk.stop_asked:
                    break
    except Exception as error:
        problem = alerts.refusal(error)
    after = as_stopped(growing) if pair else turns
    box = gr.skip() if pair or again else question.prompt
    # The controls first: also where the panes cannot be drawn, nothing stays locked.
    ended = *controls(False, after, problem=problem), box, keeping(after)
    yield *(gr.skip() for _ in range(_PANES)), *ended
    yield *panes(after), *(gr.skip() for _ in ended)


def _reply(engine: Engine, question: Question, before: list[Turn]) -> Callable[[Say], Generator[Pair, None, None]]:
    def work(say: Say) -> Generator[Pair, None, None]:
        pairs = engine.reply(
            question.run,
            chat_turns.history(before, "base", question.system, question.prompt),
            chat_turns.history(before, "tuned", question.system, question.prompt),
            checkpoint=question.checkpoint,
            max_new_tokens=question.longest,
            temperature=question.temperature,
            seed=question.seed,
            progress=say,
        )
        yield from pairs

    return work
