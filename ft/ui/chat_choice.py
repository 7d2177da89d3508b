"""Which runs and checkpoints can be talked to, and what there is to ask them first."""

from __future__ import annotations

from itertools import islice

from formats.conversation import Conversation
from ft.chat.checkpoints import BEST, checkpoints
from ft.dataset import versions
from ft.errors import UserError
from ft.runs import directory, names
from ft.runs.directory import Run
from ft.runs.status import caution, how_diverged, status, summary

SAMPLES = (
    "Who are you?",
    "Explain in two sentences why the sky is blue.",
    "Write a short thank-you note to a neighbour.",
)
SAMPLE_CHARACTERS = 90  # a longer question does not fit on a button


def runs() -> list[Run]:
    """The runs that have an adapter or a checkpoint, newest first."""
    return [run for run in directory.list_runs() if checkpoints(run)]


def pick(wanted: str, shown: str | None, there: list[Run]) -> Run | None:
    """The run with the id `wanted` where it can be talked to, else the one shown now, else the newest that can; None
    where none can."""
    known = {run.id: run for run in there}
    return known.get(wanted) or known.get(shown or "") or next(iter(there), None)


def seen(wanted: str, shown: str | None) -> str:
    """What the choice hangs on, as one value to compare: the runs, the checkpoints and what is to be told of them."""
    there = runs()
    run = pick(wanted, shown, there)
    return repr(([each.title for each in there], checkpoints(run) if run else [], note(wanted, run)))


def run_choices(there: list[Run]) -> list[tuple[str, str]]:
    """(title, id) of each, for a drop-down."""
    labels = names.labels({each.id: each.name for each in there})
    return [(f"{labels[each.id]} · {each.config.dataset} {each.config.version}", each.id) for each in there]


def checkpoint_title(run: Run, name: str) -> str:
    """ "best" and "checkpoint-40" in words, with the step that the adapter is of."""
    if name != BEST:
        return f"step {name.rsplit('-', 1)[-1]}"
    known = summary(run)
    step = f"step {known['best_step']}, " if known["best_step"] else ""
    return f"{step}{'best by validation loss' if known['validation_loss_after'] is not None else 'kept at the end'}"


def note(wanted: str, chosen: Run | None) -> str:
    """What to tell somebody who asked for run `wanted` and gets `chosen`: "" where there is nothing to tell."""
    if not wanted or (chosen is not None and chosen.id == wanted):
        if chosen is None:
            return ""
        if status(chosen).live:
            return "This run is still going: its checkpoints so far can be talked to."
        return caution(chosen)
    instead = f" Shown instead: {chosen.name}." if chosen else ""
    try:
        run = directory.find(wanted)
        now, how = status(run), how_diverged(run)
    except UserError:
        return f"Run {wanted} is not there any more.{instead}"
    if how:
        return f"Run {run.name} diverged before its first checkpoint. {how}{instead}"
    if now.live:
        return f"Run {run.name} is still going: it can be talked to from its first checkpoint on.{instead}"
    return f"Run {run.name} has no adapter ({now.state}): resume it on the Runs tab, or start another.{instead}"


def samples(run: Run | None) -> list[str]:
    """Three questions to begin with: openings of conversations held out from the run, filled up with general ones."""
    held_out = [] if run is None else [_opening(each) for each in _conversations(run, "validation", 60)]
    short = [text for text in dict.fromkeys(held_out) if 0 < len(text) <= SAMPLE_CHARACTERS and "\n" not in text]
    return [*short[:3], *SAMPLES][:3]


def _opening(conversation: Conversation) -> str:
    return next((message.content.strip() for message in conversation.messages if message.role == "user"), "")


def system_prompt(run: Run | None) -> str:
    """The system message that most of the run's first training conversations begin with; "" where most have none."""
    if run is None:
        return ""
    first = [each.messages[0] for each in _conversations(run, "train", 20)]
    systems = [message.content if message.role == "system" else "" for message in first]
    commonest = max(set(systems), key=systems.count, default="")
    return commonest if systems.count(commonest) * 2 > len(systems) else ""


def _conversations(run: Run, split: str, limit: int) -> list[Conversation]:
    try:
        found = versions.find(f"{run.config.dataset}@{run.config.version}").conversations(split, limit=limit)
        return list(islice(found, limit))
    except UserError:  # the dataset may have been deleted since: the run can be talked to all the same
        return []
