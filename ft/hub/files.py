"""Which files of a Hub dataset are chats to train on: named by a person, by the dataset's card, or by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ft.errors import UserError

# What Sidetune reads; what the Hub itself writes beside the data is none of it.
_DATA = re.compile(r"\.(?:jsonl?|ndjson|csv|tsv|parquet|arrow|feather|zip)(?:\.(?:gz|bz2|xz))?$", re.IGNORECASE)
_ABOUT = ("dataset_infos.json", "dataset_dict.json", "dataset_info.json", "state.json")
_OTHER_SIDE = frozenset(("test", "tests", "testing", "validation", "valid", "val", "dev", "eval", "evaluation"))


@dataclass(frozen=True, slots=True)
class Choice:
    """Files to take, and files of data that are not taken (another split, another configuration)."""

    taken: tuple[str, ...]
    left: tuple[str, ...]


def choose(dataset: str, files: Sequence[str], path: str = "", configs: Sequence[Mapping[str, Any]] = ()) -> Choice:
    """The files of `dataset` to take, of all that it has.

    `path` names a file, a folder or a pattern (`data/*.jsonl`) and takes all of it. Without one, `configs` decide:
    those of the card, as https://huggingface.co/docs/hub/datasets-manual-configuration describes them. Without these,
    all data is taken but for files whose names say that they are to test or to validate with.

    Raises:
        UserError: no such file, none that can be read, or several configurations that a person must choose from.
    """
    data = tuple(sorted(name for name in files if _is_data(name)))
    if path:
        folder = path.rstrip("/") + "/"
        named = [name for name in files if name == path or name.startswith(folder) or fnmatchcase(name, path)]
        taken = tuple(sorted(named if path in files else filter(_is_data, named)))
        return Choice(_some(taken, dataset, path, data), tuple(name for name in data if name not in taken))
    patterns = _patterns(dataset, configs)
    if patterns:
        taken = tuple(name for name in data if any(_matches(name, pattern) for pattern in patterns))
    else:
        taken = tuple(name for name in data if not _OTHER_SIDE & set(re.split(r"[^a-z]+", name.lower()))) or data
    return Choice(_some(taken, dataset, path, data), tuple(name for name in data if name not in taken))


def _is_data(name: str) -> bool:
    last = name.rpartition("/")[2]
    return bool(_DATA.search(last)) and last not in _ABOUT and not any(part.startswith(".") for part in name.split("/"))


def _some(taken: tuple[str, ...], dataset: str, path: str, data: tuple[str, ...]) -> tuple[str, ...]:
    if not taken:
        what = f"no file of data is called {path}" if path else "no file of data is in it"
        there = f"It has {', '.join(data[:8])}{', ...' if len(data) > 8 else ''}." if data else ""
        todo = there or "Choose a dataset with JSON, JSON Lines, CSV, Parquet or Arrow files."
        raise UserError(f"the dataset {dataset}", f"{what}.", todo)
    return taken


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, pattern.replace("**/", ""))


def _patterns(dataset: str, configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The patterns of the files to train on, of the only configuration or the one that is the default."""
    found = {str(each.get("config_name", "default")): each for each in configs if each.get("data_files")}
    if not found:
        return []
    chosen = next((each for each in found.values() if each.get("default")), found.get("default"))
    if chosen is None and len(found) > 1:
        where = "; ".join(f"{name}: hf://datasets/{dataset}/{_train(each)[0]}" for name, each in found.items())
        why = f"it has {len(found)} configurations, and none of them is the default."
        raise UserError(f"the dataset {dataset}", why, f"Name the files of one. {where}.")
    return _train(chosen or next(iter(found.values())))


def _train(config: Mapping[str, Any]) -> list[str]:
    """The patterns of a configuration's split to train on; of all its splits where none is called so."""
    found: dict[str, list[str]] = {}
    listed = config["data_files"]
    for each in listed if isinstance(listed, list) else [listed]:
        split, path = (each.get("split", "train"), each.get("path")) if isinstance(each, Mapping) else ("train", each)
        base = str(config.get("data_dir") or "").strip("/")
        for one in path if isinstance(path, list) else [path]:
            found.setdefault(str(split), []).append(f"{base}/{one}" if base else str(one))
    if "train" in found:
        return found["train"]
    sides = [split for split in found if split not in _OTHER_SIDE] or list(found)
    return [path for split in sides for path in found[split]]
