"""A run's directory: what is in it, and how one is made, listed and found."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, field_validator

from ft import home
from ft.config import TrainConfig
from ft.dataset.versions import Version, require_there
from ft.errors import UserError
from ft.files import read_bytes, regular, remedy, write_text
from ft.runs import names


class RunConfig(BaseModel):
    """What a run was asked to do: config.json. `created` is in UTC, to the microsecond: it orders the runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    created: AwareDatetime
    dataset: str
    version: str
    train: TrainConfig

    @field_validator("train", mode="before")
    @classmethod
    def _of_earlier_releases(cls, value: Any) -> Any:
        """Without the setting that nothing ever read."""
        if isinstance(value, dict):
            return {name: each for name, each in value.items() if name != "validation_fraction"}
        return value


@dataclass(frozen=True, slots=True)
class Run:
    """One run on disk. Nothing about it is kept anywhere else."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def name(self) -> str:
        """What people call it: the name that it was given, or one made of its id."""
        return _given_name(self) or names.of_id(self.id)

    @property
    def title(self) -> str:
        """Its name with its id, for whoever has to find it."""
        return f"{self.name} ({self.id})"

    @property
    def config(self) -> RunConfig:
        """What it was asked to do; its id is the folder's name, also where that is a copy of another run's.

        Raises:
            UserError: config.json cannot be read, or is that of another release.
        """
        try:
            config = RunConfig.model_validate_json(read_bytes(self.path / "config.json"))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise unreadable(self, "config.json", f"{place}: {first['msg']}" if place else first["msg"]) from error
        except (OSError, ValueError) as error:
            raise unreadable(self, "config.json", getattr(error, "strerror", None) or str(error)) from error
        return config if config.id == self.id else config.model_copy(update={"id": self.id})

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
    def name_path(self) -> Path:
        return self.path / "name"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def receipt_path(self) -> Path:
        return self.path / "receipt.json"


def create(dataset: Version, config: TrainConfig, name: str = "") -> Run:
    """A new run directory for training on `dataset`; its id sorts by time. Nothing is started.

    `name`: what people call it; "": the dataset's name and a number.

    Raises:
        UserError: the name cannot be used, the dataset was deleted meanwhile, or the disk is full or not writable.
    """
    name = names.checked(name) if name.strip() else _next_name(dataset.name)
    now = datetime.now(timezone.utc)
    run_id = f"{now:%Y%m%d-%H%M%S}-{_in_id(dataset.name)}-{secrets.token_hex(2)}"
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
        (temporary / "name").write_text(name, encoding="utf-8")
        os.replace(temporary, final)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise UserError(
            f"the folder {home.runs_dir()}",
            f"a run could not be written there: {error.strerror or error}.",
            f"{remedy(error)}, or set SIDETUNE_HOME to a folder that can be written to.",
        ) from error
    try:
        require_there(dataset)  # only now: from here on no deletion overlooks the run
    except UserError:
        shutil.rmtree(final, ignore_errors=True)
        raise
    return Run(final)


def rename(run: Run, name: str) -> None:
    """Give the run another name.

    Raises:
        UserError: the name cannot be used, or the run's folder cannot be written to.
    """
    name = names.checked(name)
    try:
        write_text(run.name_path, name)
    except OSError as error:
        why = f"its name could not be written: {error.strerror or error}."
        raise UserError(f"run {run.title}", why, f"{remedy(error)}, then try again.") from error


def name_of(run_id: str) -> str:
    """The name of the run with that id; where there is none, the id as it was given."""
    path = home.runs_dir() / run_id
    return Run(path).name if path.name == run_id and path.is_dir() else run_id


def _in_id(dataset: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", dataset)[:24]


def _next_name(dataset: str) -> str:
    runs = _folders()
    on_it = sum(names.dataset_in(run.id) == _in_id(dataset) for run in runs)
    return names.next_name(dataset, on_it, filter(None, map(_given_name, runs)))


def _given_name(run: Run) -> str:
    """What its file `name` holds; "" where there is none that can be used."""
    try:
        with open(run.name_path, "rb", opener=regular) as file:
            return names.clean(file.read(4 * names.LONGEST).decode("utf-8", "ignore"))[: names.LONGEST]
    except OSError:
        return ""


def list_runs() -> list[Run]:
    """All runs, newest first, without those that `damaged` tells of."""
    return survey()[0]


def damaged() -> list[tuple[Run, UserError]]:
    """The folders among the runs that cannot be read, and why: one of them must not hide the others."""
    return survey()[1]


def survey() -> tuple[list[Run], list[tuple[Run, UserError]]]:
    """`list_runs` and `damaged`, in one reading."""
    dated, broken = [], []
    for run in _folders():
        try:
            dated.append((_created(run), run))
        except UserError as error:
            broken.append((run, error))
    dated.sort(key=lambda each: (each[0], each[1].id), reverse=True)
    return [run for _, run in dated], sorted(broken, key=lambda each: each[0].id, reverse=True)


def find(run_id: str) -> Run:
    """The run with that id, or whose id starts with it, or the newest for "latest".

    Raises:
        UserError: there is none, or more than one, or it is damaged.
    """
    runs, broken = survey()
    if run_id == "latest" and runs:
        return runs[0]
    found = [run for run in runs if run.id == run_id] or [run for run in runs if run_id and run.id.startswith(run_id)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"run {run_id!r}", f"{len(found)} runs start with that.", "Give more of its id.")
    for run, why in broken:
        if run.id == run_id:
            raise why
    called = [run.id for run in runs if run.name == run_id]
    if called:
        raise UserError(f"run {run_id!r}", "that is a name, and not an id.", f"Use its id: {' or '.join(called[:3])}.")
    known = ", ".join(run.id for run in runs[:3]) or "there are none yet"
    raise UserError(f"run {run_id!r}", "there is no such run.", f"See `sidetune runs` (newest: {known}).")


def find_folder(run_id: str) -> Run:
    """As `find`, but a damaged run too, by its whole id: for whoever wants to delete it.

    Raises:
        UserError: there is none, or more than one.
    """
    return next((run for run, _ in damaged() if run.id == run_id), None) or find(run_id)


def unreadable(run: Run, file: str, why: str) -> UserError:
    """That a file of the run's folder cannot be read."""
    return UserError(
        f"run {run.title}",
        f"it is damaged: its {file} cannot be read ({_first_line(why)}).",
        f"Repair that file or its permissions, or delete the run. It is in {run.path}",
    )


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200] if text.strip() else "no reason known"


def _folders() -> list[Run]:
    """What lies among the runs, whole or damaged; without what is only being made or deleted."""
    try:
        return [Run(path) for path in home.runs_dir().iterdir() if not path.name.startswith(".") and path.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        todo = "Repair its permissions, or set SIDETUNE_HOME to another folder."
        raise UserError(f"the folder {home.runs_dir()}", f"it cannot be read: {error.strerror}.", todo) from error


def _created(run: Run) -> datetime:
    """When the run was made.

    Raises:
        UserError: it cannot be read.
    """
    created = run.config.created
    try:
        with open(run.events_path, "rb", opener=regular):
            return created
    except FileNotFoundError:
        return created  # nothing has happened to it yet
    except OSError as error:
        raise unreadable(run, run.events_path.name, error.strerror or str(error)) from error
