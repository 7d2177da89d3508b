"""Which base models can be chosen, and what a model's name refers to."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.models import embedded
from ft.models.libraries import import_libraries

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a model's name refers to. `ready`: it is on this machine; a Hub id is looked up when it loads."""

    name: str
    title: str
    where: Literal["embedded", "folder", "hub"]
    ready: bool


def choices() -> list[tuple[str, str]]:
    """(title, name) of the models offered by name: any local folder or Hub id can be typed instead."""
    return [(f"{embedded.TITLE} (comes with Sidetune, {embedded.LICENCE})", DEFAULT_MODEL)]


def resolve(model: str) -> ModelSource:
    """What `model` refers to: the default's name, a local folder, or a Hub id like `owner/name`. Loads nothing.

    Raises:
        UserError: it is none of them, or a folder without a causal language model.
    """
    model = model.strip()
    if model == DEFAULT_MODEL:
        return ModelSource(model, embedded.TITLE, "embedded", embedded.is_ready())
    folder = Path(model).expanduser()
    if folder.is_dir():
        _check_folder(folder)
        return ModelSource(str(folder.resolve()), folder.resolve().name, "folder", True)
    if _HUB_ID.fullmatch(model):
        return ModelSource(model, model.split("/")[-1], "hub", False)
    raise UserError(
        f"base model {model!r}",
        "it is not the default's name, not a folder on this machine and not a Hub id.",
        f"Use {DEFAULT_MODEL!r}, the path of a folder with a config.json, or an id like owner/name.",
    )


def _check_folder(folder: Path) -> None:
    config_path = folder / "config.json"
    if not config_path.exists():
        raise UserError(
            f"the folder {folder}",
            "it has no config.json, so it is not a model.",
            "Choose a folder saved by transformers.",
        )
    try:
        config = json.loads(config_path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(
            f"{config_path}", f"it cannot be read as JSON ({error}).", "Download or save the model again."
        ) from error
    check_causal(config.get("architectures") or [], str(folder))
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"the folder {folder}",
            "it holds no .safetensors file, and weights in pickle files are never loaded.",
            "Save the model with save_pretrained(), which writes safetensors.",
        )


def check_causal(architectures: list[str], given: str) -> None:
    """Raise UserError unless one of a config's `architectures` generates text from left to right."""
    import_libraries()
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    # The mapping also lists encoders that can be made to decode (BERT as BertLMHeadModel), so the saved
    # architecture decides, not the model type.
    if not any(name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values() for name in architectures):
        raise UserError(
            f"the model {given}",
            f"it is not a causal language model (its architecture is {', '.join(architectures) or 'not named'}).",
            "Choose a chat model whose architecture ends in ForCausalLM.",
        )
