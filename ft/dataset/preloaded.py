"""What the server imports once that all processes of `ft.sandbox` are forked off. No other code imports this."""

import sys
from typing import Any

import pyarrow as pa

import ft.dataset.read_part
import ft.sandbox  # noqa: F401


class _NoPandas:
    """Keeps Arrow from importing pandas for its first list, which takes half a second and is used for nothing here."""

    @staticmethod
    def find_spec(name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, _NoPandas)
pa.array([0])  # it tries once, and remembers that there is none
sys.meta_path.remove(_NoPandas)
