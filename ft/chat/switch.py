"""The adapters of a model switched off for one forward pass, and on again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer


class Switch:
    """Switches off what PEFT put on a model.

    `PeftModel.disable_adapter` does so for good: it walks all modules, looks at each adapter's state, and lets the
    weights of the one that is set be trained again. That took 20 to 60 ms for each token of a reply (PEFT 0.21). This
    sets the flag alone that `BaseTunerLayer.disable_adapters` tells, on the layers there are when it is made.
    """

    def __init__(self, model: Any) -> None:
        self._layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]

    @contextmanager
    def off(self) -> Iterator[None]:
        """Within it the model is the base model."""
        self._set(True)
        try:
            yield
        finally:
            self._set(False)

    def _set(self, disabled: bool) -> None:
        for layer in self._layers:
            layer._disable_adapters = disabled
