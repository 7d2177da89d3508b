"""A dataset of the Hub -> files on this machine, ready to be converted like any other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ft.dataset.build import SourceFile
from ft.errors import UserError
from ft.hub.access import Address, parse, refusals, require_hub
from ft.hub.files import choose


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be fetched: `address` with the revision's commit, files, their bytes, and data that is left out."""

    address: Address
    files: tuple[str, ...]
    left: tuple[str, ...]
    bytes: int


def find(given: str, token: str | bool | None = None) -> Found:
    """Which files `given` (see `ft.hub.access.parse`) names.

    `token`: None is that of whoever is signed in on this machine, False is none.

    Raises:
        UserError: no such dataset, no access, no files to read, or the Hub cannot be reached.
    """
    from huggingface_hub import HfApi, constants

    address = parse(given)
    require_hub()
    with refusals(f"the dataset {address.id}"):
        info = HfApi().dataset_info(address.id, revision=address.revision or None, files_metadata=True, token=token)
    sizes = {each.rfilename: each.size or 0 for each in info.siblings or ()}
    configs = getattr(info.card_data, "configs", None)
    listed = [each for each in configs if isinstance(each, dict)] if isinstance(configs, list) else []
    chosen = choose(address.id, list(sizes), address.path, listed)
    total = sum(sizes[name] for name in chosen.taken)
    cache = Path(constants.HF_HUB_CACHE)
    free = shutil.disk_usage(next(each for each in (cache, *cache.parents) if each.exists())).free
    if total > free:
        why = f"its files have {total / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free in {cache}."
        raise UserError(f"the dataset {address.id}", why, "Name a part of its files, or make room.")
    return Found(Address(address.id, info.sha or address.revision, address.path), chosen.taken, chosen.left, total)


def fetch(found: Found, token: str | bool | None = None, say: Callable[[str], None] | None = None) -> list[SourceFile]:
    """Download the files into the Hub's own cache, where they stay; `say` is told which one is fetched.

    Raises:
        UserError: the download failed. What was fetched is kept, and not fetched again.
    """
    from huggingface_hub import HfApi

    api, fetched = HfApi(), []
    for number, name in enumerate(found.files, 1):
        if say:
            say(f"Fetching {name} ({number} of {len(found.files)})")
        with refusals(f"{name} of {found.address.id}"):
            path = api.hf_hub_download(
                found.address.id, name, repo_type="dataset", revision=found.address.revision, token=token
            )
        url = str(Address(found.address.id, found.address.revision, name))
        fetched.append(SourceFile(Path(path), f"{found.address.id}/{name}", url))
    return fetched


def left_out(found: Found) -> str:
    """A sentence on the data that is not fetched; "" where all of it is."""
    if not found.left:
        return ""
    names = ", ".join(found.left[:5]) + (", ..." if len(found.left) > 5 else "")
    each = Address(found.address.id, "", found.left[0])
    return f"Not taken: {names}. Name a file to take it: {each}"
