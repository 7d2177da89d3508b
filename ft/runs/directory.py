"""A run's directory: what is in it, and how one is made, listed and found."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ft import home
from ft.config import TrainConfig
from ft.dataset.versions import Version, require_there
from ft.errors import UserError


class RunConfig(BaseModel):
    """What a run was asked to do: config.json. `created` is in UTC, to the microsecond: it orders the runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    created: AwareDatetime
    dataset: str
    version: str
    train: TrainConfig


@dataclass(frozen=True, slots=True)
class Run:
    """One run on disk. Nothing about it is kept anywhere else."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def config(self) -> RunConfig:
        return RunConfig.model_validate_json((self.path / "config.json").read_bytes())

    @property
    def events_path(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def log_path(self) -> Path:
        return self.path / "train.log"

    @property
    def lock_path(self) -> Path:
        return self.path / "lock"

    @property
    def stop_path(self) -> Path:
        return self.path / "stop"

    @property
    def place_path(self) -> Path:
        return self.path / "place"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def receipt_path(self) -> Path:
        return self.path / "receipt.json"


def create(dataset: Version, config: TrainConfig) -> Run:
    """A new run directory for training on `dataset`; its id sorts by time. Nothing is started.

    Raises:
        UserError: the dataset was deleted meanwhile, or the disk is full or not writable.
    """
    now = datetime.now(timezone.utc)
    run_id = f"{now:%Y%m%d-%H%M%S}-{re.sub(r'[^A-Za-z0-9-]+', '-', dataset.name)[:24]}-{secrets.token_hex(2)}"
    described = RunConfig(
        id=run_id,
        created=now,
        dataset=dataset.name,
        version=dataset.version,
        train=config,
    )
    final = home.runs_dir() / run_id
    temporary = home.runs_dir() / f".{run_id}.tmp"
    try:
        temporary.mkdir(parents=True)
        (temporary / "config.json").write_bytes(described.model_dump_json(indent=2).encode())
        os.replace(temporary, final)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise UserError(
            f"the folder {home.runs_dir()}",
            f"a run could not be written there: {error.strerror or error}.",
            "Free disk space, or set SIDETUNE_HOME to a folder that can be written to.",
        ) from error
    try:
        require_there(dataset)  # only now: from here on no deletion overlooks the run
    except UserError:
        shutil.rmtree(final, ignore_errors=True)
        raise
    return Run(final)


def list_runs() -> list[Run]:
    """All runs, newest first. A folder without a readable config.json is left out."""
    folder = home.runs_dir()
    if not folder.is_dir():
        return []
    dated = [(created, Run(path)) for path in folder.iterdir() if (created := _created(path)) is not None]
    return [run for _, run in sorted(dated, key=lambda each: (each[0], each[1].id), reverse=True)]


def find(run_id: str) -> Run:
    """The run with that id, or whose id starts with it, or the newest for "latest".

    Raises:
        UserError: there is none, or more than one.
    """
    runs = list_runs()
    if run_id == "latest" and runs:
        return runs[0]
    found = [run for run in runs if run.id == run_id] or [run for run in runs if run_id and run.id.startswith(run_id)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"run {run_id!r}", f"{len(found)} runs start with that.", "Give more of its id.")
    known = ", ".join(run.id for run in runs[:3]) or "there are none yet"
    raise UserError(f"run {run_id!r}", "there is no such run.", f"See `sidetune runs` (newest: {known}).")


def _created(path: Path) -> datetime | None:
    """When the run in that folder was made; None where there is no whole run in it."""
    if path.name.startswith("."):
        return None
    try:
        return Run(path).config.created
    except (OSError, ValueError):
        return None
