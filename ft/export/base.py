"""The base model of an adapter, as others have to name it: without the paths of the machine that it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ft.config import DEFAULT_MODEL
from ft.models import embedded


@dataclass(frozen=True, slots=True)
class Base:
    """`name`: an id of the Hugging Face Hub, or (`on_hub` false) the name of a folder that a person has to have.
    `note`: what there is to know of it, "" where nothing."""

    name: str
    on_hub: bool
    note: str = ""


def base_of(model: str, loaded_from: str) -> Base:
    """The base of a run whose settings name `model`; `loaded_from` is what its adapter_config.json says."""
    if model == DEFAULT_MODEL:
        copy = embedded.source()
        note = f"The copy that it was trained on is of: {copy}." if copy else ""
        return Base(embedded.HUB_ID, True, note)
    if Path(loaded_from).is_absolute() or not loaded_from:
        return Base(Path(loaded_from or model).name, False, "It was a folder on the machine that trained.")
    return Base(loaded_from, True)
