"""How an event gets the files that were uploaded: as paths, and as nothing else."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import FileData


def leave_no_empty_files() -> None:
    """Gradio 6.31 makes an empty temporary file for each uploaded file that an event gets, and never removes it."""
    for component in (gr.File, gr.UploadButton):
        component._process_single_file = _path_of  # type: ignore[method-assign,assignment]


def _path_of(component: Any, file: FileData) -> str:
    return file.path
