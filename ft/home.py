"""$SIDETUNE_HOME and every path under it, in one place."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder that holds everything Sidetune keeps: $SIDETUNE_HOME, or ~/.sidetune. It need not exist yet."""
    return Path(os.environ.get("SIDETUNE_HOME") or Path.home() / ".sidetune").expanduser()


def datasets_dir() -> Path:
    return home() / "datasets"


def models_dir() -> Path:
    return home() / "models"


def runs_dir() -> Path:
    return home() / "runs"


def locks_dir() -> Path:
    return home() / "locks"


def cache_dir() -> Path:
    """Temporary files of the apps that run now: uploads, and what is made to be downloaded."""
    return home() / "cache"
