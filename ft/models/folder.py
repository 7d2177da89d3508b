"""A model's folder: whether it can be used, before a library reads what lies in it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ft import hosting
from ft.errors import UserError
from ft.models import hub
from ft.models.libraries import import_libraries
from ft.models.other_kinds import INDEX, WEIGHTS, tokenizer_refusal

_LARGEST_CONFIG = 4 * 2**20  # bytes; one with 20,000 labels has 1 MB
_NAMES_TEXTS = ("tokenizer_config.json", "special_tokens_map.json")
_PATHS = ("_file", "_path", "_spm")  # how settings end that hold the path of a file
_ALSO_PATHS = ("vocab", "merges", "init_inputs")  # where they are a text and not the vocabulary itself


def check_folder(folder: Path) -> None:
    """Raise UserError unless `folder` holds a causal language model with safetensors that are whole."""
    config = read_config(folder)
    check_causal(config.get("architectures"), str(folder), bool(config.get("auto_map")))
    check_weights(folder, str(folder), "Copy or download that file again.")
    if refusal := tokenizer_refusal([path.name for path in folder.iterdir()]):
        raise UserError(f"the folder {folder}", *refusal)


def check_weights(folder: Path, model: str, todo: str) -> None:
    """Raise UserError unless the weights in `folder` are there and whole, as far as the beginnings of the files say.

    `todo` is what to do where one is not, with "{file}" for its path.
    """
    names = sorted(hub.shard_names(folder / INDEX, model)) if (folder / INDEX).exists() else []
    if not names or (folder / WEIGHTS).exists():
        names = [WEIGHTS]
        if not (folder / WEIGHTS).exists():
            found = sorted(path.name for path in folder.glob("*.safetensors"))
            why = f"its weights are in {found[0]}, not in {WEIGHTS}" if found else "it holds no .safetensors file"
            raise UserError(
                f"the model {model}",
                f"{why}, and weights in pickle files are never loaded.",
                "Save the model with save_pretrained(), which writes safetensors.",
            )
    for name in names:
        if why := _what_is_wrong(folder / name):
            raise UserError(f"{name} of the model {model}", why, todo.replace("{file}", str((folder / name).resolve())))


def _what_is_wrong(weights: Path) -> str:
    """Why a safetensors file cannot be read, "" where it can; its header says how long it has to be."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="numpy"):
            return ""
    except FileNotFoundError:
        return "the file is missing."
    except (OSError, SafetensorError):
        return "the file is damaged, or was not copied or downloaded whole."


def read_config(folder: Path) -> dict[str, Any]:
    """The content of the folder's config.json.

    Raises:
        UserError: there is none, or it is none.
    """
    path = folder / "config.json"
    try:
        if not path.is_file():
            raise UserError(
                f"the folder {folder}",
                "it has no config.json, so it is not a model.",
                "Choose a folder saved by transformers.",
            )
        why = "it is larger than any config.json" if path.stat().st_size > _LARGEST_CONFIG else "it holds no settings"
        config = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size <= _LARGEST_CONFIG else None
    except (OSError, ValueError, RecursionError) as error:
        config, why = None, f"it cannot be read as JSON ({error})"
    if not isinstance(config, dict):
        raise UserError(f"{path}", f"{why}.", "Download or save the model again.")
    return config


def check_causal(architectures: Any, given: str, brings_code: bool = False) -> None:
    """Raise UserError unless one of a config's `architectures` generates text from left to right.

    `brings_code`: the config names code of the model's own, which an architecture that is not known would need.
    """
    import_libraries()
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    names = [each for each in architectures if isinstance(each, str)] if isinstance(architectures, list) else []
    # The mapping also lists encoders that can be made to decode (BERT as BertLMHeadModel), so the saved
    # architecture decides, not the model type.
    if not any(name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values() for name in names):
        if names and brings_code:
            raise UserError(
                f"the model {given}",
                "it needs code of its own (auto_map in its config.json), which is never run here.",
                "Choose a model whose architecture transformers has itself.",
            )
        named = "" if hosting.hosted() else f" (its architecture is {', '.join(names)[:200] or 'not named'})"
        raise UserError(
            f"the model {given}",
            f"it is not a causal language model{named}.",
            "Choose a chat model whose architecture ends in ForCausalLM.",
        )


@contextmanager
def tokenizer_folder(folder: Path) -> Iterator[Path]:
    """The folder to load the tokenizer of `folder` from: that one, or, where its settings name files, a temporary one
    with the same files and without these settings.

    transformers opens what special_tokens_map.json calls "vocab_file", wherever it lies (5.24): a model from elsewhere
    would show the lines of any file of this machine as its tokens. An honest one has such settings too, with the paths
    of the machine that it was saved on, and needs none of them.
    """
    changed = {name: clean for name in _NAMES_TEXTS if (clean := _without_paths(folder / name)) is not None}
    if not changed:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="sidetune-tokenizer-") as temporary:
        for path in folder.iterdir():
            if path.name not in changed:
                os.symlink(path.resolve(), Path(temporary, path.name))
        for name, settings in changed.items():
            Path(temporary, name).write_text(json.dumps(settings), encoding="utf-8")
        yield Path(temporary)


def _without_paths(path: Path) -> dict[str, Any] | None:
    """The settings in the file without those that name files; None where there are none of these."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None  # the library says what is wrong with it
    if not isinstance(settings, Mapping):
        return None
    paths = {key for key, value in settings.items() if _names_file(key, value)}
    return {key: value for key, value in settings.items() if key not in paths} if paths else None


def _names_file(key: str, value: Any) -> bool:
    if key == "init_inputs":
        return bool(value)
    return isinstance(value, str) and key != "name_or_path" and (key.endswith(_PATHS) or key in _ALSO_PATHS)
