"""A lock held by a process of its own, as a worker holds its run's and a program the device's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

Hold = Callable[[Path], AbstractContextManager[subprocess.Popen]]
HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold() -> Hold:
    """`with hold(path) as process`: another process holds that lock until the block ends or it is killed."""

    @contextmanager
    def held(path: Path) -> Iterator[subprocess.Popen]:
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", HOLDER, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stdout.readline() == "held\n"
            try:
                yield process
            finally:
                process.kill()

    return held
