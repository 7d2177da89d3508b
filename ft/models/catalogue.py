"""Which base models can be chosen, and what a model's name refers to."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ft import hosting
from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.models import embedded
from ft.models.folder import check_folder
from ft.models.other_kinds import require_model

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_SHOWN = 100  # characters of a name that is refused


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a model's name refers to. `ready`: it is on this machine; a Hub id is looked up when it loads."""

    name: str
    title: str
    where: Literal["embedded", "folder", "hub"]
    ready: bool


def choices() -> list[tuple[str, str]]:
    """(title, name) of the models offered by name: a local folder (where not hosted) or Hub id can be typed instead."""
    offered = [(Path(name).name, name) for name in hosting.offered_models()] if hosting.hosted() else []
    return [(f"{embedded.TITLE} (comes with Sidetune, {embedded.LICENCE})", DEFAULT_MODEL), *offered]


def is_trusted(model: str) -> bool:
    """Whether `model` is the default, or one that the host offers: not one that a stranger may have made."""
    model = model.strip()
    return model == DEFAULT_MODEL or (hosting.hosted() and model in hosting.offered_models())


def resolve(model: str) -> ModelSource:
    """What `model` refers to, as `locate` says it, and that a folder holds what can be trained. Loads nothing.

    Raises:
        UserError: as `locate`; or it is a folder without a causal language model that is whole.
    """
    found = locate(model)
    if found.where == "folder":
        check_folder(Path(found.name))
    return found


def locate(model: str) -> ModelSource:
    """What `model` refers to: the default's name, a local folder, or a Hub id like `owner/name`.

    Where hosted, only the folders that the host offers: of all others nothing is said, not even whether they are there.

    Raises:
        UserError: it is none of them, or a folder or file that is known to be something else.
    """
    model = model.strip()
    if model == DEFAULT_MODEL:
        return ModelSource(model, embedded.TITLE, "embedded", embedded.is_ready())
    path = _path(model) if not hosting.hosted() or is_trusted(model) else None
    if path is not None:
        _refuse_upload(path)
        require_model(path)
        return ModelSource(str(path), path.name, "folder", True)
    if _is_hub_id(model):
        return ModelSource(model, model.split("/")[-1], "hub", False)
    given = f"base model {model[:_SHOWN]!r}{' ...' if len(model) > _SHOWN else ''}"
    if hosting.hosted():
        names = ", ".join(repr(name) for _, name in choices())
        raise UserError(
            given, "it is none of this page's models and not a Hub id.", f"Use {names}, or an id like owner/name."
        )
    raise UserError(
        given,
        "it is not the default's name, not a folder on this machine and not a Hub id.",
        f"Use {DEFAULT_MODEL!r}, the path of a folder with a config.json, or an id like owner/name.",
    )


def _path(name: str) -> Path | None:
    """The folder or file of that name, None where there is none that can be looked at."""
    try:
        path = Path(name).expanduser()
        return path.resolve() if name and (path.is_dir() or path.is_file()) else None
    except (OSError, RuntimeError, ValueError):  # a name too long, a home of nobody's, a byte 0
        return None


def _refuse_upload(path: Path) -> None:
    """Whoever can reach the page can put files there, and has not chosen the machine's folders by it."""
    uploads = Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir(), "gradio")).resolve()
    if path.is_relative_to(uploads):
        raise UserError(
            f"the folder {path}", "it holds what was uploaded to the page.", "Copy the model to a folder of your own."
        )


def _is_hub_id(name: str) -> bool:
    if not _HUB_ID.fullmatch(name):
        return False
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True
