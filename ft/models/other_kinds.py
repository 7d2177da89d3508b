"""What people give as a base model that is none, by the names of its files: what it is, and what to use instead."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from ft import hosting
from ft.errors import UserError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
_TOKENIZERS = ("tokenizer", "vocab", "tekken", "spiece", "sentencepiece")  # how names of a tokenizer's files begin
_VOCABULARIES = (".model", ".tiktoken", ".spm", ".codes")  # and end
_CACHE = "models--"  # how the Hub's library names the folder of a model in its cache
_SHOWN = 4  # folders
NO_TOKENIZER = (
    "Put tokenizer.json and tokenizer_config.json of the model that it was made from beside its config.json, or choose "
    "a model that has them."
)


class Refusal(NamedTuple):
    """`why` it cannot be used, and what `todo`."""

    why: str
    todo: str


def refusal_of(names: Collection[str], base: str = "") -> Refusal | None:
    """Why files of these names are no base model; None where they may be one. `base` is the model that they say they
    were made from."""
    if ADAPTER in names and not _holds_model(names):
        named = f"it was made for: {base!r}" if base else "its README names"
        return Refusal("it is an adapter, which is no model by itself.", f"Use the base model that {named}.")
    ggufs = sorted(name for name in names if name.lower().endswith(".gguf"))
    if ggufs and not any(name.endswith(".safetensors") for name in names):
        return _gguf(ggufs[0], base)
    if "model_index.json" in names:
        return Refusal("it is a model that makes pictures or sound (diffusers).", "Choose a chat model.")
    if "conversations.parquet" in names:
        return Refusal("it is a dataset of Sidetune.", "Train on it by its name, and choose a base model beside it.")
    if "config.json" not in names:
        return Refusal("it has no config.json, so it is not a model.", "Choose another, saved by transformers.")
    return None


def tokenizer_refusal(names: Collection[str]) -> Refusal | None:
    """Why a model with files of these names has no tokenizer; None where it may have one."""
    if any(name.startswith(_TOKENIZERS) or name.endswith(_VOCABULARIES) for name in names):
        return None
    return Refusal("it has no tokenizer.", NO_TOKENIZER)


def _holds_model(names: Collection[str]) -> bool:
    return "config.json" in names and (WEIGHTS in names or INDEX in names)


def _gguf(name: str, base: str) -> Refusal:
    todo = f": {base!r}." if base else " (mostly the same name without GGUF)."
    return Refusal(
        f"its weights are in GGUF ({name}), which is for llama.cpp and cannot be trained.",
        f"Use the repository that it was made from, with .safetensors files{todo}",
    )


def require_model(path: Path) -> None:
    """Raise UserError where the folder or file at `path` is known not to be a base model."""
    folder = path if path.is_dir() else path.parent
    given = f"the {'folder' if path.is_dir() else 'file'} {path}"
    found = _gguf(path.name, "") if path.suffix.lower() == ".gguf" else _refusal(folder)
    if found is None and path != folder:
        found = Refusal("it is a file, and a model is a folder.", f"Use the folder that it lies in: {str(folder)!r}.")
    if found:
        raise UserError(given, *found)


def _refusal(folder: Path) -> Refusal | None:
    try:
        names = {each.name for each in folder.iterdir()}
    except OSError as error:
        return Refusal(f"it cannot be read: {error.strerror}.", "Repair its permissions, or choose another.")
    config = _settings(folder / "config.json")
    if "train" in config and "dataset" in config:
        trained = "" if hosting.hosted() else _text(config["train"], "model")
        todo = f" To train again on its base model, use {trained!r}." if trained else ""
        why = "it is a run of Sidetune, not a model."
        return Refusal(why, f"Talk to it on the Chat tab, or with `sidetune chat {folder.name}`.{todo}")
    if folder.name.startswith(_CACHE) and "snapshots" in names:
        id = folder.name.removeprefix(_CACHE).replace("--", "/")
        return Refusal(f"it is the Hub's cache of {id}, not the model itself.", f"Use its id: {id!r}.")
    if ADAPTER in names and _holds_model(names):  # transformers would load the model that the adapter names instead
        why = "it holds a model and an adapter at once, so which of them is meant is not certain."
        return Refusal(why, f"Move {ADAPTER} and the adapter's weights out of it to use the model alone.")
    base = "" if hosting.hosted() else _text(_settings(folder / ADAPTER), "base_model_name_or_path")
    found = refusal_of(names, base)
    inside = sorted(each.parent.name[:60] for each in folder.glob("*/config.json"))[:_SHOWN]
    if found and inside and not names & {"config.json", ADAPTER}:
        return found._replace(todo=f"Choose one of the folders in it: {', '.join(inside)}.")
    return found


def _settings(path: Path) -> dict[str, Any]:
    """The object in a small JSON file; {} where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size < 1 << 20 else None
    except (OSError, ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _text(settings: Any, key: str) -> str:
    value = settings.get(key) if isinstance(settings, dict) else None
    return value[:200] if isinstance(value, str) else ""
