"""What the Data tab is looking at: an upload that is not saved yet, a saved dataset, or nothing."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from itertools import chain, count
from pathlib import Path
from typing import Any

from ft.dataset import staging, versions
from ft.dataset.build import Staged, open_staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.ui.strings import counted, format_title

# Among the names of datasets, the upload that is not saved yet: no dataset can have this name. With "/" and its id
# behind it, one of the others that wait beside it.
UPLOAD = "@upload"
Looked = Version | Staged | None


def looked_at(dataset: str, staged: str) -> Looked:
    """The dataset that is chosen; else, and where UPLOAD is chosen, the upload; else the dataset made last.

    Raises:
        UserError: the chosen dataset is not there.
    """
    if dataset not in ("", UPLOAD):
        return versions.find(dataset)
    upload = upload_of(staged)
    if upload:
        return upload
    return next(iter(versions.list_datasets()), None)


def still_looked_at(dataset: str, staged: str, of: str) -> bool:
    """Whether what lies at `of` (a `path`; "": nowhere) is what is looked at.

    For the events that take away what was found in, or made of, another dataset: the last change may be answered after
    something was found or made already.
    """
    try:
        looked = looked_at(dataset, staged)
    except UserError:
        return False
    return looked is not None and str(looked.path) == of


def is_of(looked: Looked, path: str) -> bool:
    """Whether a version or an upload's state that lies at `path` is one of the same dataset, or the same upload."""
    if isinstance(looked, Version):
        return Path(path).parent == looked.path.parent
    return looked is not None and path in {str(state.path) for state in (looked, *staging.others(looked))}


def name_of(path: str) -> str:
    """The name of what lies at `path`: of a version, its dataset's; of an upload's state, that of its files."""
    folder = Path(path)
    if folder.parent != staging.staging_dir():
        return folder.parent.name
    upload = upload_of(folder.name)
    return title(upload) if upload else "an upload"


def upload_of(staged: str) -> Staged | None:
    """The upload of that id; None where it was saved or discarded, or is too old."""
    try:
        return open_staged(staged) if staged else None
    except UserError:
        return None


def still_waiting(kept: Any) -> list[str]:
    """Of the ids that the browser kept (anything: it is a person's own to change), those of uploads that are there."""
    return [id for id in kept if isinstance(id, str) and upload_of(id)] if isinstance(kept, list) else []


def choices(staged: str, waiting: Any) -> list[tuple[str, str]]:
    """What there is to look at, as (words, value): the upload first, those `waiting` beside it (their ids), then the
    datasets, newest first."""
    uploads = [(upload_of(staged), UPLOAD)]
    uploads += [(upload_of(id), f"{UPLOAD}/{id}") for id in still_waiting(waiting)]
    first = [(_upload_words(upload), value) for upload, value in uploads if upload]
    return first + [(_words(version), version.name) for version in versions.list_datasets()]


def title(looked: Version | Staged) -> str:
    """Its name; of an upload, the names of its files."""
    if isinstance(looked, Version):
        return looked.name
    names = [str(each["name"]) for each in looked.report["files"]]
    return names[0] if len(names) == 1 else f"{names[0]} and {counted(len(names) - 1, 'more file')}"


def state(looked: Version | Staged) -> str:
    """In which state it is, in a line."""
    if isinstance(looked, Version):
        source = looked.source
        made = f": {source['edit'][:1].lower()}{source['edit'][1:]}" if source.get("edit") else ""
        return f"Version {looked.version.removeprefix('v')}, {moment(source['created'])}{made}. Next: train on it."
    edits = looked.source.get("edits")
    changed = f" {edits[-1]}." if edits else ""
    format = format_title(str(looked.report["format"]))
    return f"Read, but not saved yet. Format: {format}.{changed} Have a look, then save it under a name."


def can_undo(looked: Version | Staged) -> tuple[bool, bool]:
    """Whether there is an edit of it to undo, and one to redo."""
    if not isinstance(looked, Version):
        return staging.earlier(looked) is not None, staging.later(looked) is not None
    there = versions.list_versions(looked.name)
    before = any(each.version == looked.parent for each in there)
    return before, any(each.parent == looked.version for each in there)


def suggested_name(looked: Staged) -> str:
    """A dataset name made from the name of the upload's first file, that no dataset has yet."""
    stem = Path(str(looked.report["files"][0]["name"])).stem
    return free_name(re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:60] or "my-chats")


def free_name(name: str) -> str:
    """`name`, or where there is a dataset of that name, the first of name-2, name-3, ... that is free."""
    numbered = (f"{name}-{number}" for number in count(2))
    return next(each for each in chain([name], numbered) if not versions.list_versions(each))


def moment(created: str) -> str:
    """An ISO time as "24 Nov 2026, 03:40 UTC"."""
    when = datetime.fromisoformat(created).astimezone(timezone.utc)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def _upload_words(upload: Staged) -> str:
    return f"{title(upload)} · {counted(upload.report['kept'], 'conversation')} · not saved yet"


def _words(version: Version) -> str:
    kept = counted(version.count(), "conversation")
    return f"{version.name} · {kept} · version {version.version.removeprefix('v')}"
