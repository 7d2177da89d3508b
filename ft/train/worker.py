"""The process that trains: `python -m ft.train.worker RUN_DIR`. It reads the run directory and writes to it alone.

It holds the run's lock, waits until its devices are free, and trains, or has a process for each of its GPUs train. One
that `accelerate launch` or torchrun started is one of several, and trains at once (see `ft.train.together`).
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

from ft.models.libraries import import_libraries
from ft.runs import launch
from ft.runs.directory import Run
from ft.runs.queue import device_lock
from ft.runs.stopping import is_asked
from ft.train import together
from ft.train.log import tell
from ft.train.ranks import processes
from ft.train.told import StoppedEarlyError, run_lock, told
from ft.train.watch import end_when_stopped


def main(argv: list[str]) -> int:
    """Train the run in directory `argv[0]`. Returns the exit status: 0 finished or stopped, 1 failed."""
    run = Run(Path(argv[0]))
    if processes() > 1:
        return together.one_of_several(run, partial(_train, run))
    with run_lock(run) as held:
        if not held:
            return 1
        signal.signal(signal.SIGTERM, _asker(run))
        return told(run, partial(_in_turn, run))


def _asker(run: Run) -> Callable[[int, FrameType | None], None]:
    def ask_to_stop(_: int, __: FrameType | None) -> None:
        run.stop_path.touch()

    return ask_to_stop


def _in_turn(run: Run) -> None:
    said = ("", -1)

    def waiting(behind: str, before: int) -> None:
        nonlocal said
        _heed(run)
        if (behind, before) != said:
            said = (behind, before)
            tell(run, "waiting", behind=behind, before=before)

    launch.require_gpu(run)
    devices = launch.announced(run)
    with device_lock([each.key for each in devices], run, waiting):
        _heed(run)
        if len(devices) > 1:
            together.start(run, len(devices))
        else:
            _train(run)


def _train(run: Run) -> None:
    end_when_stopped(run)
    tell(run, "preparing", what="Loading the libraries that train")
    # Imported here so that a run that only waits its turn takes no memory for torch.
    import_libraries()
    from ft.train.train import train

    train(run)


def _heed(run: Run) -> None:
    if is_asked(run):
        raise StoppedEarlyError


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
