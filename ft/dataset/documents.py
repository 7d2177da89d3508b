"""What report.json and source.json hold. A file that says something else is damaged, and refused when it is read."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ft.errors import UserError
from ft.files import read_bytes

REPAIR = "Delete that dataset, or convert the files again under another name."
Count = Annotated[int, Field(ge=0, le=2**53)]
Counts = dict[str, Count]
Share = Annotated[float, Field(ge=0, le=1)]


def _is_moment(created: str) -> str:
    datetime.fromisoformat(created).astimezone(timezone.utc)
    return created


class _Document(BaseModel):
    """No text stands for a number here; fields of other releases are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class ReadFile(_Document):
    """What came of one file."""

    name: str
    format: str
    reason: str
    read: Count
    kept: Count


class Splits(_Document):
    """Conversations on each side."""

    train: Count
    validation: Count


class Problem(_Document):
    """Why a record was rejected; record 0 is the file as a whole."""

    file: str
    record: Count
    turn: Count | None
    field: str | None
    code: str
    problem: str
    fix: str


class Example(_Document):
    """A record before and after a repair."""

    file: str
    record: Count
    before: str
    after: str


class Report(_Document):
    """What converting gave: see `ft.dataset.build.stage`."""

    format: str
    read: Count
    kept: Count
    rejected: Counts
    duplicates: Count
    splits: Splits
    files: list[ReadFile]
    repaired: Counts
    problems: list[Problem]
    dataset: str = ""
    version: str = ""
    found: Counts = {}
    placeholders: Counts = {}
    with_placeholders: Count = 0
    ignored: Counts = {}
    examples: dict[str, list[Example]] = {}
    added: Count = 0
    removed: Count = 0


class SourceFile(_Document):
    """A file that a dataset was made from."""

    name: str
    bytes: Count
    sha256: str


class SourcePart(_Document):
    """A dataset that another was combined from."""

    dataset: str
    version: str


class Source(_Document):
    """Where a dataset came from, and how it was split."""

    created: Annotated[str, AfterValidator(_is_moment)]
    files: list[SourceFile]
    validation_fraction: Share
    boundary: Share
    held_out: list[Share]
    reading: dict[str, Any] = {}
    parent: str = ""
    edit: str = ""
    edits: list[str] = []
    combined: list[SourcePart] = []


def read_report(folder: Path) -> dict[str, Any]:
    """The report of the version or upload in that folder, with what other releases wrote into it.

    Raises:
        UserError: it cannot be read, or lacks a field of `Report`, or has one of another type.
    """
    return _read(folder / "report.json", Report)


def read_source(folder: Path) -> dict[str, Any]:
    """The same of where it came from, as `Source` says.

    Raises:
        UserError: it cannot be read, or lacks a field of `Source`, or has one of another type.
    """
    return _read(folder / "source.json", Source)


def _read(path: Path, expected: type[_Document]) -> dict[str, Any]:
    try:
        text = read_bytes(path).decode()
        document = json.loads(text)
        if "\\ud" in text.lower():  # perhaps half of a character (a lone surrogate), which can be sent to no page
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
        expected.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise UserError(str(path), f"it is damaged ({place[:80]}: {first['msg'].lower()}).", REPAIR) from error
    except (OSError, ValueError, RecursionError, OverflowError) as error:
        raise UserError(str(path), f"it cannot be read ({str(error)[:200]}).", REPAIR) from error
    return dict(document)
