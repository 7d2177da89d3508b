"""Workers that are forked off one process that has imported what they need: such a one trains as any other does, and
starts in hundredths of a second instead of seconds.

Its environment, log, session and command line are those that it would have had.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ft.runs import launch
from ft.runs.directory import Run

_LONGEST = 2_000  # bytes of a command line
_HERE = Path(__file__).parent


class Forked:
    """The process that workers are forked off. To be closed."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(_HERE.parents[1]), str(_HERE.parent), str(_HERE)])
        self._server = subprocess.Popen(
            [sys.executable, __file__, "." * _LONGEST],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **launch.QUIET, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
            text=True,
        )

    def work(self, run: Run, lock: int | None = None) -> int:
        """As `launch.work`, for runs on the CPU that did not wait."""
        assert lock is None
        return self.start("ft.train.worker:main", run)

    def start(self, program: str, run: Run, *more: str) -> int:
        """The id of a process of `run` that does `program` ("module:function") with the words of a command line."""
        order = {
            "program": program,
            "words": [str(run.path), *more],
            "environment": launch.environment(launch.announced(run)),
            "log": str(run.log_path),
        }
        assert self._server.stdin and self._server.stdout
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline())

    def close(self) -> None:
        self._server.kill()
        self._server.communicate()


def _serve() -> int:
    from ft.models.libraries import import_libraries

    import_libraries()
    importlib.import_module("ft.train.train")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended but by what they wrote down
    for line in sys.stdin:
        if pid := os.fork():
            print(pid, flush=True)
        else:
            return _become(**json.loads(line))
    return 0


def _become(program: str, words: Sequence[str], environment: Mapping[str, str], log: str) -> int:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)):
        os.dup2(os.open(path, flags), number)
    os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(environment)
    module, _, function = program.partition(":")
    _be_called(sys.executable, "-m", module, *words)
    return getattr(importlib.import_module(module), function)(list(words))


def _be_called(*words: str) -> None:
    """Have this process's command line read so: the app finds a run's worker by it. (As the package setproctitle.)"""
    begin, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[45:47])
    line = "\0".join(words).encode()
    assert len(line) < end - begin
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, line, len(line))


if __name__ == "__main__":
    sys.exit(_serve())
