"""What happens on the Data tab: each function takes components' values and gives their updates, in data.py's order."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from html import escape
from typing import Any

import gradio as gr

from formats.reading import Reading
from ft.dataset import build, edit, sample, staging, versions
from ft.dataset.build import SourceFile, Staged
from ft.dataset.split import fraction_of
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.hosting import hub_token
from ft.ui import alerts, data_choice, data_hub, data_mapping, data_reading, data_report, data_waiting
from ft.ui.background import Say, follow
from ft.ui.data_editing import Editing
from ft.ui.given_out import given_out
from ft.ui.strings import counted

_VIEW = 10  # outputs of `_view`
_WELCOME = """<div class="empty"><h2>Nothing here yet</h2>
<p>Drop one or more files of chats: ShareGPT, Alpaca, OpenAI messages, prompts and replies, or an export of ChatGPT,
as JSON, JSON Lines, CSV, Parquet or a zip of these. You see what was understood before anything is saved.</p>
<p>No chats at hand? The sample is a small dataset that comes with Sidetune.</p></div>"""
_NOT_CHOSEN = """<div class="empty"><h2>No dataset is chosen</h2>
<p>Choose one of your datasets, or drop files of chats to make another.</p></div>"""


def show(dataset: str, staged: str, waiting: Any, named: str) -> tuple[Any, ...]:
    """Show the chosen dataset, or the upload, or the dataset made last, or that there is nothing.

    `named`: the upload that a name was suggested for already. What was typed since is kept. Refusals of what was asked
    for meanwhile stay: this may be answered late.
    """
    trouble: UserError | None = None
    looked: data_choice.Looked = None
    try:
        looked = data_choice.looked_at(dataset, staged)
        view = _view(looked, named) if looked else None
    except UserError as error:  # not there any more, or damaged
        trouble, looked, view = error, None, None
    there = data_choice.choices(staged, waiting)
    value = None if looked is None else looked.name if isinstance(looked, Version) else data_choice.UPLOAD
    return (
        gr.Radio(there, value=value, visible=bool(there)),
        gr.Button(visible=view is not None),
        gr.Column(visible=view is None),
        _NOT_CHOSEN if there or versions.damaged() else _WELCOME,
        gr.Column(visible=view is not None),
        *(view or tuple(gr.skip() for _ in range(_VIEW))),
        alerts.shown(trouble) if trouble else alerts.hidden(),
    )


def _view(looked: Version | Staged, named: str) -> tuple[Any, ...]:
    """Heading, saving, name, what it was suggested for, go on, undo, redo, mend, details, rejected."""
    report = looked.report
    staged = isinstance(looked, Staged)
    name, title = gr.skip(), data_choice.title(looked)
    if isinstance(looked, Staged) and named != title:
        name, named = gr.Textbox(data_choice.suggested_name(looked)), title
    undo, redo = data_choice.can_undo(looked)
    rejected = sum(report["rejected"].values())
    return (
        data_report.heading(title, data_choice.state(looked), report),
        gr.Row(visible=staged),
        name,
        named,
        gr.Button(visible=not staged),
        gr.Button(interactive=undo),
        gr.Button(interactive=redo),
        gr.Button(f"Mend {counted(rejected, 'rejected record')}", visible=rejected > 0),
        data_report.details(report),
        _download(looked, bool(report["rejected"])),
    )


def _download(looked: Version | Staged, any: bool) -> Any:
    if not any:
        return gr.DownloadButton(visible=False)
    try:
        return gr.DownloadButton(value=given_out(looked.rejected_path), visible=True, interactive=True)
    except (OSError, UserError):  # no room for a copy is no reason not to show the dataset
        return gr.DownloadButton(value=None, visible=True, interactive=False)


def stage(
    files: list[str] | None,
    fetched: data_hub.Fetched,
    format: str,
    repairs: list[str],
    fill: str,
    columns: dict[str, Any] | None,
    held_out: float,
    before: str,
    waiting: Any,
) -> Iterator[tuple[Any, ...]]:
    """Read the files: the upload's id, those that wait beside it, the dataset, how it goes, what is refused, and the
    mapping screen. Where they cannot be read, what was read before stays.

    A first file in no known format opens the mapping screen, if its records have columns.
    """
    sources = data_hub.sources(files, fetched)
    if not sources:
        yield _going(gr.skip(), gr.skip())
        return
    try:
        reading = data_reading.reading(format, repairs, fill, columns)
    except UserError as error:
        yield _refused(error)
        return
    first = sources[0].path
    if not columns and format == "auto" and data_mapping.needed(first):
        yield _going(gr.HTML("", visible=False), alerts.hidden(), data_mapping.opened(first))
        return
    yield from _stage(sources, reading, held_out, before, waiting)


def stage_sample(held_out: float, before: str, waiting: Any) -> Iterator[tuple[Any, ...]]:
    """Read the bundled sample, whatever was chosen for files."""
    for update in _stage([sample.sample_file()], Reading(), held_out, before, waiting):
        yield *update, None, []


def fetch(address: str, token: str, *how: Any) -> Iterator[tuple[Any, ...]]:
    """Fetch a dataset of the Hub, and read its files: the updates of `stage`, then files, fetched, columns and left."""
    format, repairs, fill, held_out, before, waiting = how
    try:
        for each in data_hub.fetching(address, hub_token(token)):
            if isinstance(each, str):
                yield *_going(_status(each), alerts.hidden()), gr.skip(), gr.skip(), gr.skip(), ""
            else:
                fetched, left = each
                for update in stage(None, fetched, format, repairs, fill, None, held_out, before, waiting):
                    yield *update, None, fetched, None, data_hub.note(left)
    except Exception as error:
        yield *_refused(error), *(gr.skip() for _ in range(4))


def _stage(
    files: list[SourceFile], reading: Reading, held_out: float, before: str, waiting: Any
) -> Iterator[tuple[Any, ...]]:
    def work(say: Say) -> Generator[Staged, None, None]:
        def progress(read: int) -> None:
            say(f"{counted(read, 'record')} read")

        yield build.stage(files, reading=reading, validation_fraction=fraction_of(held_out), progress=progress)

    yield _going(_status("Reading"), alerts.hidden())
    try:
        with closing(follow(work)) as news:
            for each in news:
                if isinstance(each, Staged):
                    made = each.id, data_waiting.set_aside(each, before, waiting), data_choice.UPLOAD
                    yield *made, gr.HTML("", visible=False), alerts.hidden(), *data_mapping.closed()
                elif each:
                    yield _going(_status(each), gr.skip())
    except Exception as error:
        yield _refused(error)


def _going(status: Any, problem: Any, mapping: tuple[Any, ...] | None = None) -> tuple[Any, ...]:
    """The updates of `stage` while nothing new is there to look at."""
    screen = mapping or tuple(gr.skip() for _ in range(data_mapping.OUTPUTS))
    return gr.skip(), gr.skip(), gr.skip(), status, problem, *screen


def _refused(error: Exception) -> tuple[Any, ...]:
    return _going(gr.HTML("", visible=False), alerts.shown(error))


@alerts.told(outputs=1)
def by_columns(*chosen: Any) -> dict[str, Any]:
    """The columns that were chosen on the mapping screen."""
    return data_mapping.columns(*chosen).as_json()


def leave() -> tuple[Any, ...]:
    """Leave the file that the mapping screen asks about."""
    return None, [], *data_mapping.closed()


def _status(words: str) -> Any:
    return gr.HTML(f'<p class="working" role="status">{escape(words)} …</p>', visible=True)


def choose(there: str, staged: str, waiting: Any) -> tuple[Any, ...]:
    """Look at that dataset, or at that upload: the dataset, the upload, and those that wait beside it."""
    return data_waiting.chosen(there, staged, waiting)


def elsewhere() -> tuple[Any, ...]:
    """What was refused is not asked for any more, nor is the mapping of a file."""
    return alerts.hidden(), alerts.hidden(), *data_mapping.closed()


def again(files: list[str] | None, fetched: data_hub.Fetched, *how: Any) -> Iterator[tuple[Any, ...]]:
    """Read the files again, as was asked for."""
    if data_hub.sources(files, fetched):
        yield from stage(files, fetched, *how)
        return
    why = "they were saved, or the page was opened anew since they were brought."
    missing = UserError("the files", why, "Bring them again: drop them above.")
    yield _going(gr.skip(), alerts.shown(missing))


@alerts.told(outputs=1)
def hold_out(share: float, staged: str) -> Any:
    """Hold another share of the upload out: its new id. Nothing is read again."""
    upload, fraction = data_choice.upload_of(staged), fraction_of(share)
    if upload is None or upload.source["validation_fraction"] == fraction:
        return gr.skip()
    return build.hold_out(upload, fraction).id


@alerts.told(outputs=8)
def save(staged: str, waiting: Any, name: str, agreed: str, editing: Editing | None) -> tuple[Any, ...]:
    """Save the upload as a dataset, and choose it; `agreed`: it may become the next version of the one of that name.

    Gives the upload that is next, those that wait beside it, the dataset, files, fetched, what is agreed to, what a
    name was suggested for, and the button.
    """
    name = (name or "").strip()
    upload = build.open_staged(staged)
    if editing is not None and data_choice.is_of(upload, editing.of):
        why = "it is being edited, and would not be saved as it stands in the editor."
        raise UserError(editing.name, why, "Keep it or cancel it first.")
    there = versions.in_use(name)
    if there and agreed != name:
        number = versions.next_version(name).removeprefix("v")
        kept = counted(there.count(), "conversation")
        alerts.warn(f"There is a dataset {name} with {kept} already. Press again, or choose another name.")
        return *(gr.skip() for _ in range(5)), name, gr.skip(), gr.Button(f"Save as version {number} of {name}")
    states = staging.others(upload)
    version = build.save(upload, name)
    for state in states:
        build.discard(state)
    alerts.inform(f"{name} is saved: version {version.version.removeprefix('v')}.")
    return *data_waiting.next_of(waiting), version.name, None, [], "", "", gr.Button("Save dataset")


def discard(staged: str, waiting: Any) -> tuple[Any, ...]:
    """Forget the upload, and all that it was before: the one that is next, those that wait beside it, files, fetched,
    and what a name was suggested for."""
    upload = data_choice.upload_of(staged)
    if upload:
        data_waiting.forget(upload)
    return *data_waiting.next_of(waiting), None, [], ""


def train_on(dataset: str, there: str | None) -> tuple[Any, ...]:
    """Choose the dataset that is looked at, and go to Train."""
    return there or dataset or "", gr.Tabs(selected="train")


@alerts.told(outputs=2)
def undo(dataset: str, there: str | None, staged: str) -> tuple[Any, Any]:
    """Go back to before the last change: (the upload's id, a new value for `shared.edited`)."""
    if there and there.startswith(data_choice.UPLOAD):
        return _state(staging.earlier(build.open_staged(staged))), time.time_ns()
    edit.undo(_bare(there or dataset))
    return gr.skip(), time.time_ns()


@alerts.told(outputs=2)
def redo(dataset: str, there: str | None, staged: str) -> tuple[Any, Any]:
    """Go forward again."""
    if there and there.startswith(data_choice.UPLOAD):
        return _state(staging.later(build.open_staged(staged))), time.time_ns()
    edit.redo(_bare(there or dataset))
    return gr.skip(), time.time_ns()


def _state(found: Staged | None) -> str:
    if found is None:
        raise UserError("the upload", "there is nothing to go back or forward to.", "Look at it as it is.")
    return found.id


def to_rejected() -> gr.Tabs:
    """Go to where rejected records are mended."""
    return gr.Tabs(selected="read")


def _bare(dataset: str | None) -> str:
    return (dataset or "").partition("@")[0]
