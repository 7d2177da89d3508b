"""Datasets on disk: $SIDETUNE_HOME/datasets/<name>/<version>/. A version never changes once it is there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from formats.conversation import Conversation
from ft.dataset import parquet
from ft.dataset.documents import REPAIR, read_report, read_source
from ft.errors import UserError
from ft.files import read_bytes, remove, write_text
from ft.home import datasets_dir

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"v([1-9][0-9]*)")
_LISTED = ("format", "read", "kept", "rejected", "duplicates", "splits")  # of a report, in a list of datasets
CURRENT = "current"
_DELETED = ".deleted"  # holds the last version number of each dataset that was deleted, by name


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
        return read_report(self.path)

    @property
    def source(self) -> dict[str, Any]:
        """Where it came from: created (ISO time, UTC), files with their sha256, and how it was split.

        Raises:
            UserError: the file is damaged.
        """
        return read_source(self.path)

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
        """The version that an edit made this one from ("v2"); "" where it was made from files, or nobody can tell."""
        try:
            return str(self.source.get("parent") or "")
        except UserError:
            return ""

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
        return parquet.read(self.conversations_path, split, start, limit)


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
    try:
        found = [_VERSION.fullmatch(each.name) for each in (datasets_dir() / name).iterdir() if each.is_dir()]
    except OSError:
        return []
    return sorted((int(match[1]) for match in found if match), reverse=True)


def next_version(name: str) -> str:
    """The version that the next dataset of that name gets: "v1" where there never was one.

    No number is given twice, after a deletion neither: a run knows what it was trained on by it.
    """
    return f"v{last_number(name) + 1}"


def last_number(name: str) -> int:
    """The number of the last version that there was of the dataset of that name; 0 where there never was one."""
    return max([*_numbers(name), _last_deleted(name)])


def remember_number(name: str, last: int) -> None:
    """Keep which version was the last of a dataset that is deleted.

    Raises:
        OSError: it cannot be written down.
    """
    path = datasets_dir() / _DELETED / name
    if not path.parent.is_dir():
        remove(path.parent)
    path.parent.mkdir(exist_ok=True)
    write_text(path, str(last))


def _last_deleted(name: str) -> int:
    try:
        return int(read_bytes(datasets_dir() / _DELETED / name).decode("ascii"))
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
    return [Version(name, path.name, path) for path in paths if os.path.isfile(path / "report.json")]


def list_datasets() -> list[Version]:
    """The version in use of each dataset, the one made last first, without those that `damaged` tells of."""
    versions = (in_use(name) for name in _names() if _damage(name) is None)
    return sorted(filter(None, versions), key=_created, reverse=True)


def damaged() -> dict[str, UserError]:
    """What is wrong with datasets whose version in use cannot be read, by their name: one of them must not hide the
    others."""
    return {name: damage for name in _names() if (damage := _damage(name))}


def _names() -> list[str]:
    try:
        return sorted(each.name for each in datasets_dir().iterdir() if _NAME.fullmatch(each.name) and each.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        todo = "Repair its permissions, or set SIDETUNE_HOME to another folder."
        raise UserError(f"the folder {datasets_dir()}", f"it cannot be read: {error.strerror}.", todo) from error


def in_use(name: str) -> Version | None:
    """The version that the dataset's bare name stands for: the one chosen by `use`, else the newest; None: no dataset.

    It is written down in datasets/<name>/current, so that undoing an edit is to point at the version before it.
    """
    versions = list_versions(name)
    try:
        chosen = read_bytes(datasets_dir() / name / CURRENT).decode("ascii").strip()
    except (OSError, ValueError):
        chosen = ""
    return next((each for each in versions if each.version == chosen), versions[0] if versions else None)


def use(version: Version) -> None:
    """Let the dataset's bare name stand for this version from now on. No other version is changed or lost.

    Raises:
        UserError: it cannot be written down.
    """
    path = version.path.parent / CURRENT
    try:
        if path.is_dir():
            remove(path)
        write_text(path, version.version + "\n")
    except OSError as error:
        todo = "Free some room on that disk, or repair the permissions, and try again."
        raise UserError(str(path), f"it cannot be written ({error.strerror or error}).", todo) from error


def _damage(name: str) -> UserError | None:
    folder = datasets_dir() / name
    try:
        version = in_use(name)
        if version is None:  # while a dataset is being saved its folder is empty
            why = "none of its versions has a report.json."
            return UserError(f"dataset {name!r}", why, REPAIR) if any(folder.iterdir()) else None
        _ = version.report, version.source
        parquet.require_file(version.conversations_path)
        if version.rejected_path.exists() and not version.rejected_path.is_file():
            return UserError(str(version.rejected_path), "it is no file.", REPAIR)
    except FileNotFoundError:
        return None  # deleted meanwhile
    except OSError as error:
        return UserError(str(error.filename or folder), f"it cannot be read: {error.strerror or error}.", REPAIR)
    except UserError as error:
        return error
    return None


def _created(version: Version) -> tuple[float, str]:
    try:
        return (version.path / "report.json").stat().st_mtime, version.name
    except OSError:
        return 0.0, version.name  # deleted meanwhile


def find(ref: str) -> Version:
    """The version that `ref` names: "name" (its version in use, see `in_use`) or "name@v2".

    Raises:
        UserError: there is no such dataset or version.
    """
    name, at, number = ref.partition("@")
    versions = list_versions(name)
    if not versions:
        if damage := _damage(name) if _NAME.fullmatch(name) else None:
            raise damage
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
        try:
            report, created = version.report, version.source["created"]
        except UserError:
            continue  # deleted meanwhile
        found.append(
            {
                "dataset": version.name,
                "version": version.version,
                "created": created,
                **{key: report[key] for key in _LISTED},
                "versions": [each.version for each in list_versions(version.name)],
            }
        )
    return found


def damaged_as_json() -> list[dict[str, Any]]:
    """The damaged datasets in the form of `listing`: "damaged" says what is wrong, and what is not known is null."""
    unknown = ("version", "created", *_LISTED, "versions")
    return [{"dataset": name, **dict.fromkeys(unknown), "damaged": str(why)} for name, why in damaged().items()]


def details(version: Version) -> dict[str, Any]:
    """One version as `sidetune datasets NAME --json` gives it: its report, with "created" and "versions" as above."""
    return {
        **version.report,
        "created": version.source["created"],
        "versions": [each.version for each in list_versions(version.name)],
    }
