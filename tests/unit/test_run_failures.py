"""Whatever ends the work on a run is told in it, in words that are true: only a full disk is called one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import jinja2
import pytest
from safetensors import SafetensorError
from synthetic_runs import write

from ft.errors import UserError
from ft.files import remedy
from ft.runs.status import status
from ft.train.told import told


class StrangeError(Exception):
    """One that no library says it raises."""


def of_file(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/home/ada/run/file")


FULL, FORBIDDEN, MISSING = "Free disk space, then resume", "Repair the permissions", "See that the file and its folder"
MEMORY, BUG = "it needs more memory than there is", "an error that is not of your making"
KINDS = [
    (of_file(errno.ENOSPC), FULL),
    (of_file(errno.EDQUOT), FULL),
    (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), FULL),
    (of_file(errno.EACCES), FORBIDDEN),
    (of_file(errno.EROFS), FORBIDDEN),
    (of_file(errno.ENOENT), MISSING),
    (SafetensorError("Error while deserializing header: header too large"), MISSING),
    (ConnectionError("the Hub cannot be reached"), BUG),
    (RuntimeError("CUDA error: an illegal memory access was encountered"), BUG),
    (jinja2.TemplateError("System role not supported"), BUG),
    (StrangeError("it went wrong"), BUG),
    (MemoryError(), MEMORY),
    (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB."), MEMORY),
]


@pytest.mark.parametrize(("error", "words"), KINDS, ids=lambda each: repr(each)[:60])
def test_a_run_never_ends_without_a_word_and_the_word_is_true(home: Path, error: Exception, words: str, capsys):
    run = write(home, "going", [])

    def work() -> None:
        raise error

    assert told(run, work) == 1
    ended = status(run)
    assert ended.state == "failed" and words in ended.message
    assert ("Free disk space" in ended.message) == (words == FULL)
    assert type(error).__name__ in capsys.readouterr().err  # the traceback is in its log


def test_what_torch_save_says_may_be_a_full_disk_and_what_a_device_says_is_not():
    full = "[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"
    assert remedy(RuntimeError(full)) == "Free disk space, or see that the folder can be written"
    assert "disk" not in remedy(RuntimeError("NCCL error: unhandled system error"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"), UserError),
        (SafetensorError("I/O error: No space left on device (os error 28)"), UserError),
        (of_file(errno.ENOSPC), UserError),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB."), RuntimeError),
        (RuntimeError("NCCL error: unhandled system error"), RuntimeError),
    ],
    ids=lambda each: repr(each)[:60],
)
def test_only_what_cannot_be_written_is_told_of_a_checkpoint_as_such(tmp_path: Path, error, kind):
    from ft.train.trainer import written

    folder = tmp_path / "checkpoint-4"
    folder.mkdir()
    with pytest.raises(kind) as found, written(folder, []):
        raise error
    assert not folder.exists()  # half of one is none
    assert ("Free disk space" in str(found.value)) == (kind is UserError)
