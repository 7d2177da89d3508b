"""How Gradio is imported where the app starts: without what only its developers need."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, NoReturn


def import_gradio() -> None:
    """Import Gradio, and let it parse no source of its components to write an interface (.pyi) beside each, for whoever
    develops one: 2 of the 5 seconds that it takes. It does neither where a component comes from no file."""
    inspecting: Any = inspect
    getfile = inspecting.getfile
    inspecting.getfile = _no_file
    try:
        import_module("gradio")
    finally:
        inspecting.getfile = getfile
    for name in ("component_meta", "blocks_events"):  # nor for a class that is defined later, or is ours
        module: Any = import_module(f"gradio.{name}")
        module.create_or_modify_pyi = _leave


def _no_file(_: object) -> NoReturn:
    raise OSError


def _leave(*_: object) -> None: ...
