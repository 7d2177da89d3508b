"""What the Chat tab does: choose whom to talk to, ask, ask again, stop, forget."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from ft.chat.checkpoints import BEST, checkpoints
from ft.chat.engine import Engine
from ft.errors import UserError
from ft.runs import directory
from ft.runs.directory import Run
from ft.ui import chat_choice, chat_reply, chat_turns
from ft.ui.chat_reply import Question, Talk
from ft.ui.run_view import model_title
from ft.ui.tab import mark

_TOO_EARLY = "The models are not chosen yet: send it again in a moment"


def choose(wanted: str, run_id: str | None, checkpoint: str | None, kept: dict[str, Any], talk: Talk) -> Any:
    """Everything that hangs on the chosen run: it, its checkpoints, the samples, and the conversation kept with it. One
    with a checkpoint that is not there any more (a run keeps a few) goes on with the one that is shown in its place.

    `run_id` and `checkpoint` are those shown now; while a reply is being written, all stays as it is.
    """
    if talk.going:
        return gr.skip()
    there = chat_choice.runs()
    last_run, last_checkpoint = chat_turns.last_kept(kept)
    run = chat_choice.pick(wanted, run_id or last_run, there)
    seen = chat_choice.seen(wanted, run.id if run else None)
    names = checkpoints(run) if run else []
    same = run is not None and run.id == run_id
    chosen = checkpoint or "" if same else ""
    if run and not run_id and run.id == last_run:  # the page was opened anew: what was talked to last
        chosen = last_checkpoint
    key = chat_turns.kept_under(run.id, chosen) if run else ""
    if same and BEST in names and talk.picked != key and not chat_turns.turns_of(kept, key):
        chosen = BEST  # what was shown so far was the newest while the run went on, and nobody's choice
    was, chosen = chosen, chosen if chosen in names else names[0] if names else ""
    note, now = chat_choice.note(wanted, run), kept
    if run and was and was not in names:
        now = chat_turns.moved(kept, chat_turns.kept_under(run.id, was), chat_turns.kept_under(run.id, chosen))
    if run and now is not kept:
        gone = chat_choice.checkpoint_title(run, was)
        note = f"{note} This conversation began with {gone}, which is not kept any more.".strip()
    turns = chat_turns.turns_of(now, chat_turns.kept_under(run.id, chosen)) if run else []
    base, tuned, proof = chat_reply.panes(turns)
    status, alert, *buttons = chat_reply.controls(False, turns)[:-2]
    runs = chat_choice.run_choices(there)
    titles = [(chat_choice.checkpoint_title(run, name), name) for name in names] if run else []
    return (
        gr.Column(visible=run is None),
        gr.Column(visible=run is not None),
        gr.HTML(f"<p>{escape(note)}</p>" if note else "", visible=bool(note)),
        gr.skip() if same else chat_choice.system_prompt(run),
        *[gr.Button(text) for text in chat_choice.samples(run)],
        gr.Chatbot(base, label=f"Base · {model_title(run)}" if run else "Base"),
        gr.Chatbot(tuned, label=_tuned_label(run, chosen) if run else "Tuned"),
        proof,
        gr.skip() if same else status,  # what was said of what somebody asked stays, also where a checkpoint has gone
        gr.skip() if same else alert,
        *buttons,
        gr.Dropdown(runs, value=run.id if run else None, interactive=True),
        gr.Dropdown(titles, value=chosen or None, interactive=True),
        gr.skip() if now is kept else now,
        mark(seen),
    )


def differs(wanted: str, run_id: str | None, talk: Talk, drawn: str) -> bool:
    """Whether there is something else to choose from than that of which `drawn` is the mark."""
    return not talk.going and drawn not in ("", mark(chat_choice.seen(wanted, run_id)))


def refresh(
    wanted: str, run_id: str | None, checkpoint: str | None, kept: dict[str, Any], talk: Talk, drawn: str
) -> Any:
    """`choose` again where runs have gone on since: others to talk to, new checkpoints, another note. Most times
    nothing."""
    if not differs(wanted, run_id, talk, drawn):
        return gr.skip()
    return choose(wanted, run_id, checkpoint, kept, talk)


def remember(run: str | None, system: str, temperature: float, longest: int) -> dict[str, Any]:
    """The settings as the browser keeps them."""
    return {"run": run, "system": system, "temperature": temperature, "longest": longest}


def restored(run: str | None, kept: Any) -> tuple[Any, ...]:
    """System prompt, temperature and longest reply as the browser kept them; the first is of one run alone."""
    if not isinstance(kept, dict) or not isinstance(kept.get("system"), str):
        return gr.skip(), gr.skip(), gr.skip()
    numbers = [kept.get(name) for name in ("temperature", "longest")]
    system = kept["system"] if kept.get("run") == run else gr.skip()
    return system, *[number if isinstance(number, int | float) else gr.skip() for number in numbers]


def show_checkpoint(run: str, checkpoint: str, kept: dict[str, Any], talk: Talk) -> tuple[Any, ...]:
    """The conversation kept with that checkpoint of the run, which somebody chose."""
    talk.picked = chat_turns.kept_under(run, checkpoint)
    turns = chat_turns.turns_of(kept, talk.picked)
    try:
        label = _tuned_label(directory.find(run), checkpoint)
    except UserError as error:  # deleted meanwhile
        return gr.skip(), *chat_reply.panes(turns), *chat_reply.controls(False, turns, problem=error)
    return gr.Chatbot(label=label), *chat_reply.panes(turns), *chat_reply.controls(False, turns)


def _tuned_label(run: Run, checkpoint: str) -> str:
    return f"Tuned · {run.name} · {chat_choice.checkpoint_title(run, checkpoint)}"


def send(engine: Engine, prompt: str, *asked: Any) -> Iterator[tuple[Any, ...]]:
    """Ask both models `prompt`, after what they were asked before."""
    run, checkpoint, kept, system, temperature, longest, talk = asked
    if not run:
        yield *chat_reply.panes([]), *chat_reply.controls(False, [], _TOO_EARLY), gr.skip(), gr.skip()
        return
    before = chat_turns.turns_of(kept, chat_turns.kept_under(run, checkpoint))
    question = Question(prompt, run, checkpoint, system, float(temperature), int(longest))
    yield from chat_reply.answer(engine, question, before, kept, talk)


def retry(engine: Engine, *asked: Any) -> Iterator[tuple[Any, ...]]:
    """Ask the last question again, in place of its replies: where chance has a say, others are drawn."""
    run, checkpoint, kept, system, temperature, longest, talk = asked
    turns = chat_turns.turns_of(kept, chat_turns.kept_under(run, checkpoint))
    prompt = turns[-1]["user"] if turns else ""
    question = Question(prompt, run, checkpoint, system, float(temperature), int(longest))
    yield from chat_reply.answer(engine, question, turns, kept, talk, again=True)


def stop(talk: Talk) -> Any:
    """Ask the reply that is being written to end at its next word."""
    talk.stop_asked = True
    return gr.HTML('<p class="chat-status" role="status">Stopping</p>', visible=True)


def clear(run: str, checkpoint: str, kept: dict[str, Any]) -> tuple[Any, ...]:
    """Forget the conversation with this checkpoint."""
    left = chat_turns.keep(kept, chat_turns.kept_under(run, checkpoint), [])
    return *chat_reply.panes([]), *chat_reply.controls(False, []), left
