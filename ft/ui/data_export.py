"""The Export panel of the Data tab: the dataset as a file for others."""

from __future__ import annotations

import tempfile
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ft.dataset import export
from ft.dataset.staging import disk_error
from ft.ui import alerts, data_choice, data_hub
from ft.ui.data_change import required
from ft.ui.given_out import given_out
from ft.ui.shared import Shared
from ft.ui.strings import counted, format_title
from ft.ui.tab import PRIVATE, Question, forget_with, on_change

SIDES = [("Both sides", ""), ("To train on", "train"), ("Held out", "validation")]
_NAMED = {"": "", "train": "-train", "validation": "-held-out"}  # in the name of the file


def build(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay the panel out and wire it."""
    titles = [(format_title(name) + (", JSON Lines" if name != "parquet" else ""), name) for name in export.FORMATS]
    with gr.Row():
        format = gr.Dropdown(titles, value="messages", label="Format", filterable=False, min_width=200)
        side = gr.Dropdown(SIDES, value="", label="Which conversations", filterable=False, min_width=180)
    make = gr.Button("Make the file", scale=0, min_width=150)
    problem, words = alerts.place(), gr.HTML()
    with gr.Row(elem_classes="actions"):
        file = gr.DownloadButton("Download", visible=False, scale=0, min_width=140)
        left_out = gr.DownloadButton("Download what was left out", visible=False, scale=0, min_width=260)
    data_hub.build_push(shared, staged)
    of = gr.State("")  # what the files were made of: its path
    here, made = [shared.dataset, staged], [of, words, file, left_out, problem]
    written = make.click(exported, [*here, format, side], made, concurrency_limit=1, **PRIVATE)
    stale = Question(forget, [*here, of], made)
    shared.forgetting.append(stale)
    on_change([written], *stale)
    forget_with([format, side], nothing_made, made)


def forget(dataset: str, staged: str, of: str) -> tuple[Any, ...]:
    """The files made before are not of what is looked at now, unless they are."""
    if data_choice.still_looked_at(dataset, staged, of):
        return tuple(gr.skip() for _ in range(5))
    return nothing_made()


def nothing_made() -> tuple[Any, ...]:
    """No file, and no word of one."""
    return "", "", gr.DownloadButton(visible=False), gr.DownloadButton(visible=False), alerts.hidden()


@alerts.told(outputs=4)
def exported(dataset: str, staged: str, format: str, side: str) -> tuple[Any, ...]:
    """Write the file, and give it out."""
    looked = required(dataset, staged)
    stem = data_choice.title(looked).partition(".")[0].replace("/", "-")[:60] or "dataset"
    name = f"{stem}{_NAMED[side or '']}-{format}.{'parquet' if format == 'parquet' else 'jsonl'}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = export.export(looked, Path(folder) / name, format, side or None)
            file = given_out(done.path)
            beside = given_out(done.left_out_path) if done.left_out_path else None
    except OSError as error:
        raise disk_error(error, "export") from error
    words = f"{counted(done.written, 'conversation')} written to {name}."
    for reason, number in done.left_out.items():
        words += f" {counted(number, 'conversation')} left out: {reason}"
    return (
        str(looked.path),
        f'<p class="note" role="status">{escape(words)}</p>',
        gr.DownloadButton(value=file, visible=True),
        gr.DownloadButton(value=beside, visible=beside is not None),
    )
