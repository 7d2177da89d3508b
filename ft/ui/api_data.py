"""The endpoints for scripts that make, look at, change and hand out datasets."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from formats.reading import Reading
from ft.checks.check import check as checked
from ft.dataset import build, edit, export, versions
from ft.dataset import combine as combining
from ft.dataset import dedup as removing
from ft.dataset.build import SourceFile
from ft.dataset.near import THRESHOLD
from ft.dataset.remarks import remarks
from ft.dataset.split import HELD_OUT, fraction_of
from ft.dataset.staging import disk_error
from ft.hosting import hub_token
from ft.hub import pull as pulling
from ft.hub import push as pushing
from ft.runs import deletion
from ft.train import tokens
from ft.ui import endpoint
from ft.ui.data_tokens import ONE_AT_A_TIME
from ft.ui.endpoint import Heed, attended, refusing, unheeded
from ft.ui.given_out import given_out

_READ, _CHANGE = 4, 1  # how many of a kind run at once


def add() -> None:
    """Add the endpoints to the Blocks that is being laid out."""
    files = gr.File(file_count="multiple", label="files", visible=False)
    format = _text("format", "auto")
    endpoint.add(
        "convert",
        attended(convert),
        [files, _text("name"), format, gr.Number(HELD_OUT, label="held_out", visible=False)],
        gr.JSON(label="report", visible=False),
        line="stage",
    )
    asked = [_text("dataset"), _text("format", "messages"), _text("split")]
    endpoint.add("export_data", export_data, asked, gr.File(label="file", visible=False))
    for read in (datasets, attended(check)):
        gr.api(read, api_name=read.__name__, concurrency_limit=_READ)
    gr.api(attended(inspect), api_name="inspect", **ONE_AT_A_TIME)
    for change in (attended(dedup), attended(combine), undo, redo, delete, attended(pull), push):
        gr.api(change, api_name=change.__name__, concurrency_limit=_CHANGE)


def _text(label: str, value: str = "") -> gr.Textbox:
    return gr.Textbox(value, label=label, visible=False)


@refusing
def convert(
    files: list[str] | None, name: str, format: str = "auto", held_out: float = HELD_OUT, *, heed: Heed = unheeded
) -> dict:
    """Make a dataset, or its next version, from files of chats, `held_out` percent of them held out: the report."""
    sources = [SourceFile(Path(file), Path(file).name) for file in files or []]
    return _converted(sources, name, format, held_out, heed)


@refusing
def pull(
    address: str, name: str, format: str = "auto", token: str = "", held_out: float = HELD_OUT, *, heed: Heed = unheeded
) -> dict:
    """Make a dataset, or its next version, from one of the Hugging Face Hub ("owner/name", "owner/name/file"),
    `held_out` percent of it held out: the report, with the data that was not taken as "not_taken"."""
    versions.check_name(name or "")
    key = hub_token(token)
    found = pulling.find(address or "", key)
    return {**_converted(pulling.fetch(found, key), name, format, held_out, heed), "not_taken": list(found.left)}


@refusing
def push(dataset: str, to: str, public: bool = False, format: str = "messages", token: str = "") -> dict:
    """Write a dataset to the Hugging Face Hub as `to` ("owner/name"), private unless `public`: where it is."""
    found = versions.find(dataset or "")
    return pushing.push(found, to or "", public=public, format=format, token=hub_token(token))


def _converted(files: list[SourceFile], name: str, format: str, held_out: float, heed: Heed) -> dict[str, Any]:
    versions.check_name(name or "")
    fraction = fraction_of(HELD_OUT if held_out is None else held_out)
    staged = build.stage(files, reading=Reading(format=format or "auto"), validation_fraction=fraction, progress=heed)
    try:
        saved = build.save(staged, name)
        return {**saved.report, "remarks": remarks(saved)}
    finally:
        build.discard(staged)


@refusing
def export_data(dataset: str, format: str = "messages", split: str = "") -> str:
    """A dataset as a file: JSON Lines in a format of the field, or Parquet."""
    found = versions.find(dataset or "")
    export.require(format, split or None)
    try:
        with tempfile.TemporaryDirectory() as folder:
            name = f"{found.name}-{format}.{'parquet' if format == 'parquet' else 'jsonl'}"
            done = export.export(found, Path(folder) / name, format, split or None)
            return given_out(done.path)
    except OSError as error:
        raise disk_error(error, "export") from error


@refusing
def datasets() -> list:
    """All datasets, newest first; then those that are damaged, with the reason as "damaged"."""
    return versions.listing() + versions.damaged_as_json()


@refusing
def check(dataset: str, fixes: list | None = None, *, heed: Heed = unheeded) -> dict:
    """What to know of a dataset before training on it; `fixes`: findings to put right ("email", "refusals=untrain")."""
    return checked(versions.find(dataset or ""), [str(code) for code in fixes or []], heed=heed)


@refusing
def inspect(dataset: str, row: int = 0, model: str = "", max_length: int = 0, *, heed: Heed = unheeded) -> dict:
    """A dataset in tokens: one conversation (1: the first) token by token, or how long all of them are (row 0)."""
    found = versions.find(dataset or "")
    config = tokens.config_of(model, max_length)
    if row:
        return tokens.one_as_json(tokens.look_at(found, int(row), config, heed, heed), int(row), config.model)
    return tokens.all_as_json(found, tokens.count_all(found, config, heed, heed), config)


@refusing
def dedup(
    dataset: str, near: bool = False, threshold: float = THRESHOLD, dry_run: bool = False, *, heed: Heed = unheeded
) -> dict:
    """Remove conversations that are the same as an earlier one, or nearly so: the groups."""
    found = versions.find(dataset or "")
    return removing.dedup(found, near_too=near, threshold=threshold, dry_run=dry_run, heed=heed)


@refusing
def combine(parts: list, name: str, *, heed: Heed = unheeded) -> dict:
    """Make one dataset of several, each as "name", "name:0.5" or "name:max=100": the report."""
    versions.check_name(name or "")
    staged = combining.combine([combining.part(str(part)) for part in parts or []], heed)
    try:
        return build.save(staged, name).report
    finally:
        build.discard(staged)


@refusing
def undo(dataset: str) -> dict:
    """Go back to before a dataset's last edit: its details."""
    return versions.details(edit.undo(dataset or ""))


@refusing
def redo(dataset: str) -> dict:
    """Go forward again after /undo."""
    return versions.details(edit.redo(dataset or ""))


@refusing
def delete(dataset: str) -> dict:
    """Delete a dataset with all of its versions, for good."""
    deletion.delete_dataset(dataset or "")
    return {"deleted": dataset}
