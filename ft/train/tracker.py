"""An experiment tracker beside events.jsonl: TensorBoard, Trackio or W&B, by the trainer's own integration."""

from __future__ import annotations

import os
from importlib.util import find_spec

from ft.config import TrainConfig
from ft.errors import UserError
from ft.hosting import hosted
from ft.runs.directory import Run

_PACKAGES = {"tensorboard": "tensorboard", "trackio": "trackio", "wandb": "wandb"}
_ACCOUNTS = ("trackio", "wandb")


def require_tracker(config: TrainConfig) -> None:
    """Raise UserError where the tracker that was asked for is not installed, or tells the host's account of it."""
    if hosted() and config.tracker in _ACCOUNTS:
        why = "this page is hosted for others, and that tracker would write to the account of whoever hosts it."
        raise UserError(f"tracker = {config.tracker}", why, "Use none: the app shows the same figures.")
    package = _PACKAGES.get(config.tracker)
    if package and find_spec(package) is None:
        raise UserError(
            f"tracker = {config.tracker}",
            f"the package {package} is not installed.",
            f"Install it (pip install {package}), or use none: the app shows the same figures.",
        )


def place_tracker(run: Run) -> None:
    """Have TensorBoard write into the run's own folder; the others keep to their own settings."""
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(run.path / "tensorboard")
    os.environ.setdefault("TRACKIO_DIR", str(run.path.parent.parent / "trackio"))
