"""The web app, in Gradio: one module for each tab. Only this package imports gradio."""

import inspect
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

# Gradio does `import spaces` for the PyPI package of that name, and calls it on a Space. Where only our folder
# spaces/ is there, Python takes that for the package: say that there is none.
_found = None if "spaces" in sys.modules else find_spec("spaces")
if _found is not None and _found.origin is None:  # a folder without __init__.py
    _modules: dict[str, Any] = sys.modules  # type checkers do not know that None stands for "cannot be imported"
    _modules["spaces"] = None


def _import_gradio() -> None:
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


_import_gradio()
