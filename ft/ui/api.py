"""The endpoints for scripts. Each gives the JSON that its twin on the command line prints with --json.

A refusal (`UserError`) reaches the client as an error whose message says what was given, why it cannot be used and what
to do. All other events of the page are private.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr

from formats.conversation import Message
from formats.reading import Reading
from ft import presets
from ft.chat.engine import Engine
from ft.chat.pair import as_json
from ft.dataset import build, edit, versions
from ft.dataset import combine as combining
from ft.dataset import dedup as removing
from ft.dataset.build import SourceFile
from ft.dataset.near import THRESHOLD
from ft.errors import UserError
from ft.models import catalogue, device
from ft.runs import directory, launch
from ft.runs.status import summary

ENDPOINTS = ("convert", "datasets", "dedup", "combine", "undo", "redo", "train", "runs", "run", "stop", "chat")


def add(engine: Engine) -> None:
    """Add the endpoints to the Blocks that is being laid out; `engine` answers /chat."""

    @_refusing
    def chat(run: str, prompt: str, max_new_tokens: int = 256, temperature: float = 0.0) -> dict:
        """Ask the base and the tuned model of a run the same: both replies."""
        if not (prompt or "").strip():
            raise UserError("the prompt", "it is empty.", "Ask something.")
        messages = [Message("user", prompt)]
        limit = max(1, int(max_new_tokens))
        pairs = engine.reply(run, messages, messages, max_new_tokens=limit, temperature=temperature)
        (last,) = deque(pairs, maxlen=1)
        return as_json(last)

    # Not gr.api: only a gr.File makes sure that a path is one that was uploaded, and not any file of this machine.
    files = gr.File(file_count="multiple", label="files", visible=False)
    name, format = gr.Textbox(label="name", visible=False), gr.Textbox("auto", label="format", visible=False)
    trigger, result = gr.Button(visible=False), gr.JSON(label="report", visible=False)
    trigger.click(convert, [files, name, format], result, api_name="convert", concurrency_limit=2)
    for read in (datasets, runs, run):
        gr.api(read, api_name=read.__name__, concurrency_limit=4)
    for change in (dedup, combine, undo, redo):
        gr.api(change, api_name=change.__name__, concurrency_limit=1)
    gr.api(train, api_name="train")
    gr.api(stop, api_name="stop")
    gr.api(chat, api_name="chat")


def _refusing(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return endpoint(*given, **named)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return call


@_refusing
def convert(files: list[str] | None, name: str, format: str = "auto") -> dict:
    """Make a dataset, or its next version, from files of chats: the report."""
    versions.check_name(name or "")
    sources = [SourceFile(Path(file), Path(file).name) for file in files or []]
    staged = build.stage(sources, reading=Reading(format=format or "auto"))
    try:
        return build.save(staged, name).report
    finally:
        build.discard(staged)


@_refusing
def datasets() -> list:
    """All datasets, newest first."""
    return versions.listing()


@_refusing
def dedup(dataset: str, near: bool = False, threshold: float = THRESHOLD, dry_run: bool = False) -> dict:
    """Remove conversations that are the same as an earlier one, or nearly so: the groups."""
    found = versions.find(dataset or "")
    return removing.dedup(found, near_too=near, threshold=threshold, dry_run=dry_run)


@_refusing
def combine(parts: list, name: str) -> dict:
    """Make one dataset of several, each as "name", "name:0.5" or "name:max=100": the report."""
    versions.check_name(name or "")
    staged = combining.combine([combining.part(str(part)) for part in parts or []])
    try:
        return build.save(staged, name).report
    finally:
        build.discard(staged)


@_refusing
def undo(dataset: str) -> dict:
    """Go back to before a dataset's last edit: its details."""
    return versions.details(edit.undo(dataset or ""))


@_refusing
def redo(dataset: str) -> dict:
    """Go forward again after /undo."""
    return versions.details(edit.redo(dataset or ""))


@_refusing
def train(dataset: str, settings: dict | None = None, preset: str = "") -> dict:
    """Start a run on a dataset, with settings as `sidetune train --set` names them. It goes on by itself: see /run."""
    version = versions.find(dataset or "")
    name = preset or ("guanaco" if device.describe().kind == "cuda" else "cpu")
    config = presets.preset(name).config.with_settings(settings or {})
    catalogue.resolve(config.model)
    run = directory.create(version, config)
    launch.start(run)
    return summary(run)


@_refusing
def runs() -> list:
    """All runs, newest first."""
    return [summary(each) for each in directory.list_runs()]


@_refusing
def run(id: str) -> dict:
    """One run, by its id, the beginning of it, or "latest"."""
    found = directory.find(id)
    return {**summary(found), "settings": found.config.train.model_dump()}


@_refusing
def stop(id: str) -> dict:
    """Ask a run to stop. It saves a checkpoint first."""
    found = directory.find(id)
    launch.stop(found)
    return summary(found)
