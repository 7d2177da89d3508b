"""What happens on the Data tab: each function takes components' values and gives their updates, in data.py's order."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from html import escape
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from formats.reading import Reading
from ft.dataset import build, edit, sample, versions
from ft.dataset.build import SourceFile, Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.ui import alerts, data_choice, data_hub, data_mapping, data_reading, data_report
from ft.ui.background import Say, follow
from ft.ui.strings import counted

_VIEW = 8  # outputs of `_view`
_MAPPING = 15  # outputs of `data_mapping.opened`
_WELCOME = """<div class="empty"><h2>Nothing here yet</h2>
<p>Drop one or more files of chats: ShareGPT, Alpaca, OpenAI messages, prompts and replies, or an export of ChatGPT,
as JSON, JSON Lines, CSV, Parquet or a zip of these. You see what was understood before anything is saved.</p>
<p>No chats at hand? The sample is a small dataset that comes with Sidetune.</p></div>"""
_NOT_CHOSEN = """<div class="empty"><h2>No dataset is chosen</h2>
<p>Choose one of your datasets, or drop files of chats to make another.</p></div>"""


def show(dataset: str, staged: str) -> tuple[Any, ...]:
    """Show the chosen dataset, or the upload, or the dataset made last, or that there is nothing."""
    trouble: UserError | None = None
    looked: data_choice.Looked = None
    try:
        looked = data_choice.looked_at(dataset, staged)
        view = _view(looked) if looked else None
    except UserError as error:  # not there any more, or damaged
        trouble, looked, view = error, None, None
    there = data_choice.choices(staged)
    trouble = trouble or next(iter(versions.damaged()), None)
    value = None if looked is None else looked.name if isinstance(looked, Version) else data_choice.UPLOAD
    return (
        gr.Radio(there, value=value, visible=bool(there)),
        gr.Button(visible=view is not None),
        gr.Column(visible=view is None),
        _NOT_CHOSEN if there else _WELCOME,
        gr.Column(visible=view is not None),
        *(view or tuple(gr.skip() for _ in range(_VIEW))),
        alerts.hidden(),
        alerts.shown(trouble) if trouble else alerts.hidden(),
    )


def _view(looked: Version | Staged) -> tuple[Any, ...]:
    """Heading, saving, name, saved, undo, redo, details, rejected."""
    report = looked.report
    staged = isinstance(looked, Staged)
    name = gr.Textbox(data_choice.suggested_name(looked)) if isinstance(looked, Staged) else gr.skip()
    undo, redo = data_choice.can_undo(looked)
    return (
        data_report.heading(data_choice.title(looked), data_choice.state(looked), report),
        gr.Row(visible=staged),
        name,
        gr.Row(visible=not staged),
        gr.Button(interactive=undo),
        gr.Button(interactive=redo),
        data_report.details(report),
        _download(looked, bool(report["rejected"])),
    )


def _download(looked: Version | Staged, any: bool) -> Any:
    if not any:
        return gr.DownloadButton(visible=False)
    # Only files in Gradio's own cache are given out: the folder of datasets stays closed to the browser.
    copy = save_file_to_cache(looked.rejected_path, get_upload_folder())
    return gr.DownloadButton(value=copy, visible=True)


def stage(
    files: list[str] | None,
    fetched: data_hub.Fetched,
    format: str,
    repairs: list[str],
    fill: str,
    columns: dict[str, Any] | None,
    held_out: float,
    before: str,
) -> Iterator[tuple[Any, ...]]:
    """Read the files. What was read before and not saved makes way; where they cannot be read, it stays.

    A first file in no known format opens the mapping screen, if its records have columns.
    """
    sources = data_hub.sources(files, fetched)
    if not sources:
        yield tuple(gr.skip() for _ in range(4 + _MAPPING))
        return
    try:
        reading = data_reading.reading(format, repairs, fill, columns)
    except UserError as error:
        yield gr.skip(), gr.skip(), gr.HTML("", visible=False), alerts.shown(error), *_mapping_skips()
        return
    first = sources[0].path
    if not columns and format == "auto" and data_mapping.needed(first):
        yield gr.skip(), gr.skip(), gr.HTML("", visible=False), alerts.hidden(), *data_mapping.opened(first)
        return
    yield from _stage(sources, reading, held_out, before)


def stage_sample(held_out: float, before: str) -> Iterator[tuple[Any, ...]]:
    """Read the bundled sample, whatever was chosen for files."""
    for update in _stage([sample.sample_file()], Reading(), held_out, before):
        yield *update, None, []


def fetch(address: str, token: str, *how: Any, hosted: bool) -> Iterator[tuple[Any, ...]]:
    """Fetch a dataset of the Hub, and read its files: the updates of `stage`, then files, fetched, columns and left."""
    format, repairs, fill, held_out, before = how
    try:
        for each in data_hub.fetching(address, data_hub.token_of(token, hosted)):
            if isinstance(each, str):
                head = (gr.skip(), gr.skip(), _status(each), alerts.hidden(), *_mapping_skips())
                yield *head, gr.skip(), gr.skip(), gr.skip(), ""
            else:
                fetched, left = each
                for update in stage(None, fetched, format, repairs, fill, None, held_out, before):
                    yield *update, None, fetched, None, data_hub.note(left)
    except UserError as error:
        head = (gr.skip(), gr.skip(), gr.HTML("", visible=False), alerts.shown(error), *_mapping_skips())
        yield *head, *(gr.skip() for _ in range(4))


def _stage(files: list[SourceFile], reading: Reading, held_out: float, before: str) -> Iterator[tuple[Any, ...]]:
    def work(say: Say) -> Generator[Staged, None, None]:
        def progress(read: int) -> None:
            say(f"{counted(read, 'record')} read")

        yield build.stage(files, reading=reading, validation_fraction=held_out / 100, progress=progress)

    closed = data_mapping.closed()
    yield gr.skip(), gr.skip(), _status("Reading"), alerts.hidden(), *_mapping_skips()
    try:
        with closing(follow(work)) as news:
            for each in news:
                if isinstance(each, Staged):
                    earlier = data_choice.upload_of(before)
                    if earlier:
                        build.discard(earlier)
                    yield each.id, "", gr.HTML("", visible=False), alerts.hidden(), *closed
                elif each:
                    yield gr.skip(), gr.skip(), _status(each), gr.skip(), *_mapping_skips()
    except UserError as error:
        yield gr.skip(), gr.skip(), gr.HTML("", visible=False), alerts.shown(error), *_mapping_skips()


def _mapping_skips() -> tuple[Any, ...]:
    return tuple(gr.skip() for _ in range(_MAPPING))


@alerts.told(outputs=1)
def by_columns(*chosen: Any) -> dict[str, Any]:
    """The columns that were chosen on the mapping screen."""
    return data_mapping.columns(*chosen).as_json()


def leave() -> tuple[Any, ...]:
    """Leave the file that the mapping screen asks about."""
    return None, [], *data_mapping.closed()


def _status(words: str) -> Any:
    return gr.HTML(f'<p class="working" role="status">{escape(words)} …</p>', visible=True)


def choose(there: str) -> str:
    """Look at that dataset, or (no dataset) at the upload."""
    return "" if there == data_choice.UPLOAD else there


@alerts.told(outputs=4)
def save(staged: str, name: str) -> tuple[Any, ...]:
    """Save the upload as a dataset, and choose it."""
    version = build.save(build.open_staged(staged), name.strip())
    return "", version.name, None, []


def discard(staged: str) -> tuple[Any, ...]:
    """Forget the upload."""
    upload = data_choice.upload_of(staged)
    if upload:
        build.discard(upload)
    return "", None, []


def train_on(dataset: str, there: str | None) -> tuple[Any, ...]:
    """Choose the dataset that is looked at, and go to Train."""
    return dataset or there or "", gr.Tabs(selected="train")


@alerts.told(outputs=1)
def undo(dataset: str, there: str | None) -> Any:
    """Go back to before the last edit: a new value for `shared.edited`."""
    edit.undo(_bare(dataset or there))
    return time.time_ns()


@alerts.told(outputs=1)
def redo(dataset: str, there: str | None) -> Any:
    """Go forward again."""
    edit.redo(_bare(dataset or there))
    return time.time_ns()


def _bare(dataset: str | None) -> str:
    return (dataset or "").partition("@")[0]
