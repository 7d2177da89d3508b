"""A dataset of this machine -> a repository of the Hub: private unless told otherwise, with a card that says all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ft.dataset import export
from ft.dataset.staging import disk_error
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.hub.access import parse, refusals, require_hub
from ft.hub.card import card

FORMATS = export.FORMATS
_SIDES = ("train", "validation")


def push(
    version: Version,
    to: str,
    *,
    public: bool = False,
    format: str = "messages",
    token: str | bool | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write the dataset to the Hub repository `to` (owner/name), made where it is not there yet, as one commit.

    Its files are data/train and data/validation (in `format`, one of FORMATS) and README.md; others that are in the
    repository stay. Gives {"repo", "url", "commit", "private", "files": {split: conversations}, "left_out": {reason:
    n}}, where what is left out has no place in `format`. `token`: None is that of whoever is signed in, False is none.

    Raises:
        UserError: no such format, no permission, the Hub cannot be reached, or `to` is public and `public` is False.
    """
    address = parse(to)
    given = f"the dataset {address.id}"
    if address.path or address.revision:
        raise UserError(to, "a dataset is written to a whole repository.", "Write owner/name alone.")
    with tempfile.TemporaryDirectory(prefix="sidetune-push-") as folder:
        try:
            files, left_out = _written(version, Path(folder), format, say)
            text = card(version, address.id.split("/")[1], format, files, sum(left_out.values()))
            (Path(folder) / "README.md").write_text(text, encoding="utf-8")
        except OSError as error:
            raise disk_error(error, "prepare the upload") from error
        require_hub()
        with refusals(given, writing=True):
            commit, private = _upload(Path(folder), address.id, version, public, token, say)
    url = commit.commit_url.partition("/commit/")[0]
    counts = {side: number for side, (_, number) in files.items()}
    return {
        "repo": address.id,
        "url": url,
        "commit": commit.oid,
        "private": private,
        "files": counts,
        "left_out": left_out,
    }


def _written(
    version: Version, folder: Path, format: str, say: Callable[[str], None] | None
) -> tuple[dict[str, tuple[str, int]], dict[str, int]]:
    """Each side that holds something, as its path in the repository and its conversations; and why others are out."""
    files: dict[str, tuple[str, int]] = {}
    left_out: dict[str, int] = {}
    (folder / "data").mkdir()
    for side in _SIDES:
        if not version.count(side):
            continue
        if say:
            say(f"Writing the conversations of {side}")
        path = f"data/{side}.{'parquet' if format == 'parquet' else 'jsonl'}"
        done = export.export(version, folder / path, format, side)
        for reason, number in done.left_out.items():
            left_out[reason] = left_out.get(reason, 0) + number
        if done.left_out_path:
            done.left_out_path.unlink()
        if done.written:
            files[side] = (path, done.written)
        else:
            (folder / path).unlink()
    if not files:
        why = f"none of its conversations can be written in the format {format}."
        raise UserError(f"the dataset {version.name}", why, "Push it as messages, which holds everything.")
    return files, left_out


def _upload(
    folder: Path, id: str, version: Version, public: bool, token: str | bool | None, say: Callable[[str], None] | None
) -> tuple[Any, bool]:
    from huggingface_hub import HfApi

    api = HfApi()
    api.create_repo(id, repo_type="dataset", private=not public, exist_ok=True, token=token)
    private = bool(api.dataset_info(id, token=token).private)
    if not private and not public:
        why = "it is there already and everybody can read it, while you asked for a private one."
        raise UserError(f"the dataset {id}", why, "Say that it may be public, or choose another name.")
    if say:
        say(f"Uploading to {id}")
    commit = api.upload_folder(
        repo_id=id,
        repo_type="dataset",
        folder_path=folder,
        commit_message=f"Upload {version.name}, version {version.version.removeprefix('v')}, with Sidetune",
        delete_patterns=[f"data/{side}.{suffix}" for side in _SIDES for suffix in ("jsonl", "parquet")],
        token=token,
    )
    return commit, private
