"""The web app, in Gradio: one module for each tab. Only this package imports gradio."""

import sys
from importlib.util import find_spec
from typing import Any

# Gradio does `import spaces` for the PyPI package of that name, and calls it on a Space. Where only our folder
# spaces/ is there, Python takes that for the package: say that there is none.
_found = None if "spaces" in sys.modules else find_spec("spaces")
if _found is not None and _found.origin is None:  # a folder without __init__.py
    _modules: dict[str, Any] = sys.modules  # type checkers do not know that None stands for "cannot be imported"
    _modules["spaces"] = None
