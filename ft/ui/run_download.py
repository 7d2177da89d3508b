"""A run's adapter as a file to download: one press makes the file, and hands it to the browser."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from ft.dataset.staging import disk_error
from ft.export.adapter import export_adapter, file_name, size
from ft.runs import directory
from ft.runs.directory import Run
from ft.ui import alerts
from ft.ui.given_out import given_out, require_room
from ft.ui.tab import PRIVATE

_LABEL = "Download the adapter"
_TAKE = """(file) => {
  if (!file?.url) return [];
  const link = Object.assign(document.createElement("a"), {href: file.url, download: file.orig_name ?? ""});
  document.body.append(link);
  link.click();
  link.remove();
  return [];
}"""


@dataclass(frozen=True)
class Download:
    """The button; and, never shown, the file that was made."""

    button: gr.Button
    file: gr.File


def build() -> Download:
    """Lay the components out, hidden."""
    return Download(
        gr.Button(_LABEL, visible=False, scale=0, min_width=190), gr.File(visible=False, label="Adapter of the run")
    )


def connect(download: Download, run_id: Component, alert: gr.HTML) -> None:
    """Wire the button to the run that `run_id` holds; what stands in the way is said in `alert`."""
    made = download.button.click(
        make, run_id, [download.file, download.button, alert], concurrency_limit=1, concurrency_id="export", **PRIVATE
    )
    made.then(None, download.file, None, js=_TAKE, api_visibility="private")


def make(run_id: str | None) -> Iterator[tuple[Any, ...]]:
    """Make the file: it, the button, and what stood in the way."""
    ready = gr.Button(_LABEL, interactive=True)
    yield None, gr.Button("Making the file", interactive=False), alerts.hidden()
    try:
        yield adapter_file(directory.find(run_id or "")), ready, alerts.hidden()
    except Exception as error:
        yield None, ready, alerts.shown(error)


def adapter_file(run: Run) -> str:
    """The path of the zip, in Gradio's own cache: only files there are given out.

    Raises:
        UserError: the run has no adapter that can be exported, or there is no room for the file.
    """
    todo = f"Write it to a file on the machine: sidetune export-adapter {run.id} --to FILE"
    try:
        require_room(2 * size(run), f"the adapter of run {run.title}", todo)  # it is made beside the cache first
        with tempfile.TemporaryDirectory() as temporary:
            done = export_adapter(run, Path(temporary, file_name(run)))
            return given_out(done.path)
    except OSError as error:
        raise disk_error(error, "export the adapter") from error
