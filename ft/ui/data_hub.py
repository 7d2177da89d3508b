"""The Hub on the Data tab: a dataset of it fetched and read like files, and one of ours written to it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ft import hosting
from ft.dataset.build import SourceFile
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.hub import pull, push
from ft.hub.access import bring_access
from ft.ui import alerts, data_choice
from ft.ui.background import Say, follow
from ft.ui.data_change import required
from ft.ui.shared import Shared
from ft.ui.strings import counted, format_title
from ft.ui.tab import PRIVATE, Question, on_change

Fetched = list[tuple[str, str, str]]  # of each file: where it lies, its name, its address on the Hub


@dataclass(frozen=True, slots=True)
class Fields:
    """Where a dataset of the Hub is asked for; `fetched` holds its files, `left` says what was not taken."""

    address: gr.Textbox
    token: gr.Textbox
    fetch: gr.Button
    left: gr.HTML
    fetched: gr.State


def build_pull() -> Fields:
    """Lay the fold out with which a dataset is fetched."""
    with gr.Accordion("From the Hugging Face Hub", open=False):
        address = gr.Textbox(
            label="Dataset",
            info="owner/name, or one file of it: owner/name/data.jsonl",
            max_lines=1,
            elem_id="hub-from",
        )
        token = _token("only for private datasets")
        fetch = gr.Button("Fetch it", size="sm")
        left = gr.HTML()
    return Fields(address, token, fetch, left, gr.State([]))


def _token(when: str) -> gr.Textbox:
    """The field of an access token. Who hosts the page for others does not lend them the one of the machine."""
    else_ = "" if hosting.hosted() else " · empty: that of `hf auth login` on this machine"
    return gr.Textbox(label="Access token", info=f"{when}{else_} · never kept", type="password", max_lines=1)


def sources(files: list[str] | None, fetched: Fetched) -> list[SourceFile]:
    """The files that are to be read: those brought, else those fetched."""
    if files:
        return [SourceFile(Path(file), Path(file).name) for file in files]
    return [SourceFile(Path(path), name, url) for path, name, url in fetched or []]


def fetching(address: str, token: str | bool | None) -> Iterator[str | tuple[Fetched, str]]:
    """Fetch the dataset: what is going on, and at last its files and a sentence on what was not taken.

    Raises:
        UserError: it cannot be fetched.
    """

    def work(say: Say) -> Generator[tuple[Fetched, str], None, None]:
        found = pull.find(address or "", token)
        files = pull.fetch(found, token, say)
        yield [(str(file.path), file.name, file.url) for file in files], pull.left_out(found)

    yield "Asking the Hub"
    with closing(follow(work)) as news:
        yield from (each for each in news if each)


def note(words: str) -> str:
    """A sentence as a note on the page."""
    return f'<p class="note" role="status">{escape(words)}</p>' if words else ""


def build_push(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay the part of the Export panel out that writes a dataset to the Hub, and wire it."""
    titles = [(format_title(name), name) for name in push.FORMATS]
    with gr.Accordion("To the Hugging Face Hub", open=False):
        with gr.Row():
            to = gr.Textbox(label="Dataset on the Hub", info="owner/name", max_lines=1, min_width=200, elem_id="hub-to")
            format = gr.Dropdown(titles, value="messages", label="Format", filterable=False, min_width=180)
        token = _token("one that may write")
        public = gr.Checkbox(False, label="Everybody may see it", info="else only you, or your organisation")
        write = gr.Button("Write it to the Hub", scale=0, min_width=180)
        problem, told = alerts.place(), gr.HTML(elem_id="hub-pushed")
    of = gr.State("")  # what is written, or was: its path
    here = [shared.dataset, staged]
    asked = [*here, to, format, token, public]
    written = write.click(pushed, asked, [of, told, problem], concurrency_limit=1, **PRIVATE)
    stale = Question(forget, [*here, of], [of, told, problem])
    shared.forgetting.append(stale)
    on_change([written], *stale)


def forget(dataset: str, staged: str, of: str) -> tuple[Any, ...]:
    """What was written is no longer what is looked at, unless it is."""
    if data_choice.still_looked_at(dataset, staged, of):
        return gr.skip(), gr.skip(), gr.skip()
    return "", "", alerts.hidden()


def _not_written() -> tuple[Any, str]:
    return gr.skip(), ""


@alerts.told(outputs=2, ended=_not_written)
def pushed(dataset: str, staged: str, to: str, format: str, token: str, public: bool) -> Iterator[tuple[Any, str]]:
    """Write the dataset to the Hub, with its card: its path, and how that goes."""
    looked = required(dataset, staged)
    yield str(looked.path), ""
    if not isinstance(looked, Version):
        raise UserError("the upload", "it is not saved yet.", "Save it under a name first.")
    key = hosting.hub_token(token)
    if key is False:
        raise UserError("no access token", "this page is hosted for others, so each brings their own.", bring_access())

    def work(say: Say) -> Generator[dict[str, Any], None, None]:
        yield push.push(looked, to or "", public=public, format=format, token=key, say=say)

    with closing(follow(work)) as news:
        for each in news:
            if isinstance(each, dict):
                yield gr.skip(), _written(each)
            elif each:
                yield gr.skip(), f'<p class="working" role="status">{escape(each)} …</p>'


def _written(done: dict[str, Any]) -> str:
    written = " and ".join(f"{number:,} in {side}" for side, number in done["files"].items())
    words = f"{written} written to {done['repo']}, with a card. "
    words += "Only you can see it." if done["private"] else "Everybody can see it."
    for reason, number in done["left_out"].items():
        words += f" {counted(number, 'conversation')} left out: {reason}"
    link = f'<a href="{escape(done["url"], quote=True)}" target="_blank" rel="noopener">{escape(done["url"])}</a>'
    return note(words) + f'<p class="quiet">{link}</p>'
