"""A process that must not outlive the one it works for."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

_POLL_SECONDS = 0.5


def end_unless(wanted: Callable[[], bool]) -> None:
    """Watch from a thread, and end this process at once when it is not `wanted` any more."""

    def watch() -> None:
        while wanted():
            time.sleep(_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
