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
    named = [(str(each.get("config_name", "default")), each) for each in configs if each.get("data_files")]
    found = {name: patterns for name, each in named if (patterns := _train(each))}
    if len(found) < 2:
        return next(iter(found.values()), [])
    chosen = next((name for name, each in named if each.get("default") and name in found), "default")
    if chosen not in found:
        where = "; ".join(f"{name}: hf://datasets/{dataset}/{patterns[0]}" for name, patterns in found.items())
        why = f"it has {len(found)} configurations, and none of them is the default."
        raise UserError(f"the dataset {dataset}", why, f"Name the files of one. {where}.")
    return found[chosen]


def _train(config: Mapping[str, Any]) -> list[str]:
    """The patterns of a configuration's split to train on; of all but those to test with where none is called so."""
    base = str(config.get("data_dir") or "").strip("/")
    found: dict[str, list[str]] = {}
    for split, path in _listed(config["data_files"]):
        found.setdefault(split, []).append(f"{base}/{path}" if base else path)
    sides = ["train"] if "train" in found else [each for each in found if each not in _OTHER_SIDE] or list(found)
    return [path for split in sides for path in found[split]]


def _listed(data_files: object) -> list[tuple[str, str]]:
    """(split, pattern) of each entry, in any of the ways that a card may write them."""
    if isinstance(data_files, str):
        return [("train", data_files)]
    if isinstance(data_files, Mapping):
        if "path" in data_files:
            return [(str(data_files.get("split", "train")), path) for _, path in _listed(data_files["path"])]
        return [(str(split), path) for split, paths in data_files.items() for _, path in _listed(paths)]
    if isinstance(data_files, Sequence):
        return [entry for each in data_files for entry in _listed(each)]
    return []
