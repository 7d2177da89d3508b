"""The program: a command, and an end that waits for nobody."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from ft.cli.command import main, serve_main

END_SECONDS = 3.0


def run() -> NoReturn:
    """`sidetune ...`: run the command of this process' words, and end."""
    _end_with(main)


def run_app() -> NoReturn:
    """`python app.py ...`: serve the page, and end."""
    _end_with(serve_main)


def _end_with(command: Callable[[], int]) -> NoReturn:
    status = command()
    threading.Thread(target=_end, args=[status], daemon=True).start()
    sys.exit(status)


def _end(status: int) -> None:
    """Python waits at its end for threads that still compute, for somebody who has gone: not longer than this."""
    time.sleep(END_SECONDS)
    for child in multiprocessing.active_children():
        child.kill()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
