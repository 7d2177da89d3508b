"""One question to both models: what the Chat tab shows while the replies are written, and what it keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from ft.chat.engine import Engine
from ft.chat.pair import Pair
from ft.errors import UserError
from ft.ui import alerts, chat_turns
from ft.ui.background import Say, follow
from ft.ui.chat_turns import Turn


@dataclass
class Talk:
    """What is happening in one visitor's panes, seen by all of their events: Send says that it is `going` and looks for
    `stop_asked`; Stop sets that; and nothing else may touch the panes meanwhile. `chosen_from`: what there was to
    choose from when the tab was last brought up to date."""

    going: bool = False
    stop_asked: bool = False
    chosen_from: str = ""


@dataclass(frozen=True)
class Question:
    """What is asked, of what, and how the replies are to be drawn."""

    prompt: str
    run: str
    checkpoint: str
    system: str
    temperature: float
    longest: int
    seed: int = 0


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
    engine: Engine, question: Question, before: list[Turn], kept: dict[str, list[Turn]], talk: Talk
) -> Iterator[tuple[Any, ...]]:
    """Ask both models and yield (panes, controls, the prompt box, what the browser keeps) as the replies grow."""
    if not question.prompt.strip():
        yield *panes(before), *controls(False, before), gr.skip(), gr.skip()
        return
    talk.going, talk.stop_asked = True, False
    try:
        yield from _answer(engine, question, before, kept, talk)
    finally:
        talk.going = False


def _answer(
    engine: Engine, question: Question, before: list[Turn], kept: dict[str, list[Turn]], talk: Talk
) -> Iterator[tuple[Any, ...]]:
    key = chat_turns.kept_under(question.run, question.checkpoint)
    pair: Pair | None = None
    problem: UserError | None = None
    turns = [*before, chat_turns.new_turn(question.prompt)]
    waiting = "Waiting for another conversation to end its reply" if engine.busy else "Reading the question"
    yield *panes(turns), *controls(True, turns, waiting), "", gr.skip()
    try:
        with closing(follow(_reply(engine, question, before))) as all_news:
            for count, news in enumerate(all_news):
                if isinstance(news, Pair):
                    pair = news
                    turns = [*before, chat_turns.new_turn(question.prompt, pair)]
                    # Kept now and then, as stopped: a page that is closed meanwhile finds it so when it comes back.
                    so_far = [*before, _turn(question, pair, cancelled=True)]
                    saved = chat_turns.keep(kept, key, so_far) if count % 20 == 0 else gr.skip()
                    yield *panes(turns), *controls(True, turns), gr.skip(), saved
                elif isinstance(news, str):
                    yield *panes(turns), *controls(True, turns, news), gr.skip(), gr.skip()
                if talk.stop_asked:
                    break
    except UserError as error:
        problem = error
    if pair is None:
        # Not a word was written: the question goes back into its box, so that nothing is lost.
        yield *panes(before), *controls(False, before, problem=problem), question.prompt, gr.skip()
        return
    turns = [*before, _turn(question, pair, cancelled=talk.stop_asked or problem is not None)]
    yield *panes(turns), *controls(False, turns, problem=problem), gr.skip(), chat_turns.keep(kept, key, turns)


def _turn(question: Question, pair: Pair, *, cancelled: bool) -> Turn:
    return {**chat_turns.new_turn(question.prompt, pair, cancelled=cancelled), "seed": question.seed}


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
