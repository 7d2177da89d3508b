"""Datasets on disk: $SIDETUNE_HOME/datasets/<name>/<version>/. A version never changes once it is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from formats.conversation import Conversation
from ft.dataset import parquet
from ft.errors import UserError
from ft.files import write_text
from ft.home import datasets_dir

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"v([1-9][0-9]*)")
_LISTED = ("format", "read", "kept", "rejected", "duplicates", "splits")  # of a report, in a list of datasets
CURRENT = "current"
_DELETED = ".deleted"  # holds the last version number of each dataset that was deleted, by name
_MEND = "Delete that dataset (sidetune delete NAME --yes), or convert the files again under another name."


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a dataset: `name` and `version` ("v1", "v2", ...) as a person writes them, `path` its folder."""

    name: str
    version: str
    path: Path

    @property
    def report(self) -> dict[str, Any]:
        """What converting gave: the document that `sidetune convert --json` prints (see `ft.dataset.build`).

        Raises:
            UserError: the file is damaged.
        """
        return read_json(self.path / "report.json", (*_LISTED, "files"))

    @property
    def source(self) -> dict[str, Any]:
        """Where it came from: created (ISO time, UTC), files with their sha256, and how it was split."""
        return read_json(self.path / "source.json", ("created",))

    @property
    def rejected_path(self) -> Path:
        """JSON lines, one a rejected record: file, record, turn, field, code, problem, fix and the record as `raw`."""
        return self.path / "rejected.jsonl"

    def count(self, split: str | None = None) -> int:
        """How many conversations there are on that side of the split ("train" or "validation"; None: on both)."""
        splits = self.report["splits"]
        return splits["train"] + splits["validation"] if split is None else splits[split]

    @property
    def parent(self) -> str:
        """The version that an edit made this one from ("v2"); "" where it was made from files."""
        return str(self.source.get("parent") or "")

    @property
    def conversations_path(self) -> Path:
        return self.path / parquet.FILE_NAME

    def conversations(
        self, split: str | None = None, start: int = 0, limit: int | None = None
    ) -> Iterator[Conversation]:
        """The conversations, read as they are asked for: at most `limit`, from the `start`-th (0: the first) on.

        Raises:
            UserError: the file is damaged.
        """
        try:
            yield from parquet.read(self.conversations_path, split, start, limit)
        except parquet.DAMAGED as error:
            raise UserError(str(self.conversations_path), f"it cannot be read ({error}).", _MEND) from error


def read_json(path: Path, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON object in that file, with all of `keys`.

    Raises:
        UserError: it cannot be read, or one of the keys is not there.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(str(path), f"it cannot be read ({error}).", _MEND) from error
    if not isinstance(found, dict):
        raise UserError(str(path), "it holds no JSON object.", _MEND)
    missing = [key for key in keys if key not in found]
    if missing:
        raise UserError(str(path), f"it lacks {', '.join(missing)}.", _MEND)
    return found


def check_name(name: str) -> None:
    """Raise UserError unless `name` can name a dataset: 1 to 64 of A-Z, a-z, 0-9, "-", "_", ".", no "." first."""
    if not _NAME.fullmatch(name):
        raise UserError(
            f"the dataset name {name!r}",
            "a name is made of letters (a to z), digits, '-', '_' and '.', begins with a letter or digit and has "
            "at most 64 characters.",
            "Choose another name, for example my-chats.",
        )


def _numbers(name: str) -> list[int]:
    """The version numbers taken under that name, whole or not, newest first."""
    folder = datasets_dir() / name
    if not folder.is_dir():
        return []
    found = (_VERSION.fullmatch(each.name) for each in folder.iterdir() if each.is_dir())
    return sorted((int(match[1]) for match in found if match), reverse=True)


def next_version(name: str) -> str:
    """The version that the next dataset of that name gets: "v1" where there never was one.

    No number is given twice, after a deletion neither: a run knows what it was trained on by it.
    """
    return f"v{max([*_numbers(name), _last_deleted(name)]) + 1}"


def remember_numbers(name: str) -> None:
    """Before a dataset is deleted: keep which version was its last.

    Raises:
        OSError: it cannot be written down.
    """
    path = datasets_dir() / _DELETED / name
    path.parent.mkdir(exist_ok=True)
    write_text(path, str(max([*_numbers(name), _last_deleted(name)])))


def _last_deleted(name: str) -> int:
    try:
        return int((datasets_dir() / _DELETED / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def require_there(version: Version) -> None:
    """Raise UserError where the dataset was deleted since `version` was found."""
    if not version.path.is_dir():
        todo = "Choose another dataset, or convert the files again."
        raise UserError(f"dataset {version.name!r}", "it was deleted meanwhile.", todo)


def list_versions(name: str) -> list[Version]:
    """All versions of the dataset of that name, newest first; an empty list where there is none."""
    if not _NAME.fullmatch(name):
        return []
    paths = (datasets_dir() / name / f"v{number}" for number in _numbers(name))
    return [Version(name, path.name, path) for path in paths if (path / "report.json").is_file()]


def list_datasets() -> list[Version]:
    """The version in use of each dataset, the one made last first, without those that `damaged` tells of."""
    return [version for version in _in_use() if _damage(version) is None]


def damaged() -> list[UserError]:
    """What is wrong with datasets whose version in use cannot be listed: one broken folder must not hide the others."""
    return [damage for version in _in_use() if (damage := _damage(version))]


def _in_use() -> list[Version]:
    folder = datasets_dir()
    names = [each.name for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []
    return sorted(filter(None, map(in_use, names)), key=_created, reverse=True)


def in_use(name: str) -> Version | None:
    """The version that the dataset's bare name stands for: the one chosen by `use`, else the newest; None: no dataset.

    It is written down in datasets/<name>/current, so that undoing an edit is to point at the version before it.
    """
    versions = list_versions(name)
    try:
        chosen = (datasets_dir() / name / CURRENT).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        chosen = ""
    return next((each for each in versions if each.version == chosen), versions[0] if versions else None)


def use(version: Version) -> None:
    """Let the dataset's bare name stand for this version from now on. No other version is changed or lost.

    Raises:
        OSError: it cannot be written down.
    """
    write_text(version.path.parent / CURRENT, version.version + "\n")


def _damage(version: Version) -> UserError | None:
    try:
        _ = version.report, version.source
    except UserError as error:
        return error
    return None


def _created(version: Version) -> tuple[float, str]:
    return (version.path / "report.json").stat().st_mtime, version.name


def find(ref: str) -> Version:
    """The version that `ref` names: "name" (its version in use, see `in_use`) or "name@v2".

    Raises:
        UserError: there is no such dataset or version.
    """
    name, at, number = ref.partition("@")
    versions = list_versions(name)
    if not versions:
        known = ", ".join(each.name for each in list_datasets())
        raise UserError(
            f"dataset {name!r}",
            "there is no dataset of that name.",
            f"Use one of: {known}." if known else f"Make it: sidetune convert FILE --name {name or 'NAME'}",
        )
    if not at:
        return in_use(name) or versions[0]
    for version in versions:
        if version.version == number:
            return version
    raise UserError(
        f"dataset {ref!r}",
        f"{name} has no version {number!r}.",
        f"Use one of: {', '.join(each.version for each in reversed(versions))}.",
    )


def listing() -> list[dict[str, Any]]:
    """All datasets as `sidetune datasets --json` and the API give them, newest first.

    Each is {"dataset", "version", "created", "format", "read", "kept", "rejected": {code: n}, "duplicates",
    "splits": {"train", "validation"}, "versions": ["v2", "v1"]}.
    """
    found = []
    for version in list_datasets():
        report = version.report
        found.append(
            {
                "dataset": version.name,
                "version": version.version,
                "created": version.source["created"],
                **{key: report[key] for key in _LISTED},
                "versions": [each.version for each in list_versions(version.name)],
            }
        )
    return found


def details(version: Version) -> dict[str, Any]:
    """One version as `sidetune datasets NAME --json` gives it: its report, with "created" and "versions" as above."""
    return {
        **version.report,
        "created": version.source["created"],
        "versions": [each.version for each in list_versions(version.name)],
    }
