"""The process that trains: `python -m ft.train.worker RUN_DIR`. It reads the run directory and writes to it alone."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from ft.errors import UserError
from ft.models import device
from ft.models.libraries import import_libraries
from ft.runs import events
from ft.runs.directory import Run
from ft.runs.queue import device_lock
from ft.train.batch import out_of_memory
from ft.train.log import tell


class StoppedEarlyError(Exception):
    """The run was told to stop before it had begun to load anything."""


def main(argv: list[str]) -> int:
    """Train the run in directory `argv[0]`. Returns the exit status: 0 finished or stopped, 1 failed."""
    run = Run(Path(argv[0]))
    lock = FileLock(run.lock_path)
    try:
        lock.acquire(timeout=5)
    except Timeout:
        print(f"Another process is already training {run.id}.", file=sys.stderr)
        return 1
    # Held until the process is gone, however it goes: a held lock is what says that this run is alive.
    with lock:
        signal.signal(signal.SIGTERM, _asker(run))
        return _work(run)


def _asker(run: Run) -> Callable[[int, FrameType | None], None]:
    def ask_to_stop(_: int, __: FrameType | None) -> None:
        run.stop_path.touch()

    return ask_to_stop


def _work(run: Run) -> int:
    told = ("", -1)

    def waiting(behind: str, before: int) -> None:
        nonlocal told
        _heed(run)
        if (behind, before) != told:
            told = (behind, before)
            tell(run, "waiting", behind=behind, before=before)

    try:
        with device_lock(device.describe().kind, run, waiting):
            _heed(run)
            tell(run, "preparing", what="Loading the libraries that train")
            # Imported here so that a run that only waits its turn takes no memory for torch.
            import_libraries()
            from ft.train.train import train

            train(run)
        return 0
    except StoppedEarlyError:
        events.append(run, "stopped", step=0)
        return 0
    except UserError as error:
        events.append(run, "failed", given=error.given, why=error.why, todo=error.todo)
        print(f"error: {error}", file=sys.stderr)
    except MemoryError:
        _out_of_memory(run)
    except (OSError, SafetensorError) as error:
        events.append(
            run,
            "failed",
            given=str(getattr(error, "filename", None) or "the run's folder"),
            why=f"it could not be read or written: {getattr(error, 'strerror', None) or error}.",
            todo="Free disk space or mend the permissions, then resume the run: its checkpoints are kept.",
        )
        traceback.print_exc()
    except RuntimeError as error:
        traceback.print_exc()
        if out_of_memory(error):
            _out_of_memory(run)
        else:
            _bug(run, error)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ImportError, AssertionError) as error:
        traceback.print_exc()
        _bug(run, error)
    return 1


def _heed(run: Run) -> None:
    if run.stop_path.exists():
        raise StoppedEarlyError


def _out_of_memory(run: Run) -> None:
    config = run.config.train
    events.append(
        run,
        "failed",
        given=f"one conversation at a time of up to {config.max_length} tokens",
        why="it needs more memory than there is.",
        todo="Lower the maximum length, train fewer layers or a lower rank, or choose a smaller base model.",
    )


def _bug(run: Run, error: Exception) -> None:
    events.append(
        run,
        "failed",
        given="the training process",
        why=f"it met an error that is not of your making: {type(error).__name__}: {str(error)[:300]}",
        todo="See the log for the traceback; resume the run, or report it.",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
