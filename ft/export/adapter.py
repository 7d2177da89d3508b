"""A run's adapter as one zip file: its weights and settings as PEFT loads them, its tokenizer, and a card.

Of the files that the run left, adapter_config.json names the base model as others have to name it, and the card takes
the place of PEFT's empty one. All others are as they were saved.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ft.dataset.staging import disk_error
from ft.errors import UserError
from ft.export.base import Base, base_of
from ft.export.card import card
from ft.runs.directory import Run
from ft.runs.status import status

WEIGHTS = "adapter_model.safetensors"
SETTINGS = "adapter_config.json"
CARD = "README.md"
_A_BLOCK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Exported:
    """The zip file, what is in it, and the base model that the adapter needs."""

    path: Path
    files: tuple[str, ...]
    base: Base

    def as_json(self, run: Run) -> dict[str, Any]:
        """{"file", "run", "name", "base_model", "bytes", "files": [...]}."""
        return {
            "file": str(self.path),
            "run": run.id,
            "name": run.name,
            "base_model": self.base.name,
            "bytes": self.path.stat().st_size,
            "files": list(self.files),
        }


def file_name(run: Run) -> str:
    """How the zip of a run is called: "persona-2-adapter.zip"."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", run.name).strip("-")
    return f"{plain or run.id}-adapter.zip"


def size(run: Run) -> int:
    """Bytes that the zip takes at most.

    Raises:
        UserError: there is no adapter to take.
    """
    return sum(path.stat().st_size for path in _files(run)) + _A_BLOCK


def export_adapter(run: Run, path: Path) -> Exported:
    """Write the zip to `path`; a file there is replaced once the new one is whole. Weights pass through a block at a
    time.

    Raises:
        UserError: the run has no adapter, or a damaged one; it was trained on or deleted meanwhile; the disk is full.
    """
    new = path.with_name(path.name + ".new")
    try:
        files = _files(run)
        settings = _settings(run)
        base = base_of(run.config.train.model, str(settings.get("base_model_name_or_path") or ""))
        made = {
            SETTINGS: json.dumps({**settings, "base_model_name_or_path": base.name}, indent=2),
            CARD: card(run, base),
        }
        before = run.adapter.stat()
        with zipfile.ZipFile(new, "w") as archive:
            for name, text in made.items():
                archive.writestr(_entry(name, before.st_mtime, zipfile.ZIP_DEFLATED), text)
            for file in files:
                _add(archive, file)
        if run.adapter.stat().st_ino != before.st_ino:
            raise FileNotFoundError(run.adapter)
        new.replace(path)
    except FileNotFoundError as error:
        if not path.parent.is_dir():
            raise disk_error(error, "write the file") from error
        why = "its adapter was replaced or deleted while it was read: it was resumed or deleted."
        raise UserError(f"run {run.title}", why, "Try again once it has ended.") from error
    except OSError as error:
        raise disk_error(error, "export the adapter") from error
    finally:
        new.unlink(missing_ok=True)
    return Exported(path, tuple(sorted([*made, *(file.name for file in files)])), base)


def _files(run: Run) -> list[Path]:
    """The files of the adapter that go into the zip as they are.

    Raises:
        UserError: there is none.
    """
    weights = run.adapter / WEIGHTS
    if not weights.is_file():
        now = status(run)
        todo = "Wait until it ends, or stop it." if now.live else "Resume it, and let it come to its end or stop it."
        raise UserError(f"run {run.title}", f"it has no adapter yet ({now.state}).", todo)
    _require_weights(run, weights)
    found = (path for path in run.adapter.iterdir() if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if path.name not in (SETTINGS, CARD))


def _require_weights(run: Run, weights: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "np") as file:
            if any(file.keys()):
                return
            why = "it is empty"
    except (SafetensorError, OSError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0][:200]
    raise _damaged(run, WEIGHTS, why)


def _settings(run: Run) -> dict[str, Any]:
    try:
        found = json.loads((run.adapter / SETTINGS).read_bytes())
        if isinstance(found, dict):
            return found
        why = "it is no JSON object"
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or str(error)[:200]
    raise _damaged(run, SETTINGS, why)


def _damaged(run: Run, name: str, why: str) -> UserError:
    todo = "Resume the run or train again; a checkpoint of it may still be whole."
    return UserError(f"the adapter of run {run.title}", f"it is damaged: its {name} cannot be read ({why}).", todo)


def _entry(name: str, modified: float, compression: int) -> zipfile.ZipInfo:
    """An entry that whoever unpacks it can read; a zip knows no time before 1980."""
    entry = zipfile.ZipInfo(name, max(time.localtime(modified)[:6], (1980, 1, 1, 0, 0, 0)))
    entry.external_attr = 0o644 << 16
    entry.compress_type = compression
    return entry


def _add(archive: zipfile.ZipFile, file: Path) -> None:
    found = file.stat()
    # Numbers of weights hardly get smaller, and take long.
    entry = _entry(file.name, found.st_mtime, zipfile.ZIP_STORED if file.name == WEIGHTS else zipfile.ZIP_DEFLATED)
    entry.file_size = found.st_size  # known beforehand, so that one over 4 GB gets the room that it needs
    with file.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target, _A_BLOCK)
