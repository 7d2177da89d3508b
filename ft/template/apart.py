"""A model's tokenizer and chat template, put to work where they can do no harm.

A chat template is a program, and whoever publishes a model wrote it: it may never end, or take all memory. So that of
any model but the default's and those that the host offers runs in a process of its own, with limits (`ft.sandbox`). So
does work on very long conversations, whatever the model: what a process took of memory goes with it. And so does all
of it where torch is not imported yet: a tokenizer needs none, and that takes half the time, and none of the memory.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from ft import hosting, sandbox
from ft.errors import UserError
from ft.models import catalogue
from ft.models.load import place, read_tokenizer
from ft.sandbox import LimitReached, Limits
from ft.template.render import Renderer
from ft.template.reply import Rows

MEMORY_BYTES = 3 * 2**30  # beyond the process itself; 20 MB of text need about 1 GB
LONG = 1_000_000  # characters of a conversation
_SECONDS, _SECONDS_A_CHARACTER = 60.0, 50e-6  # a hundred times what the default model's take
KEPT_SECONDS = 30.0  # so long a process waits for the next question
_KEPT_BYTES = 400 * 2**20  # and it is not kept where it holds more
_LONGEST_HOSTED = 300.0  # seconds: others wait meanwhile


@dataclass(frozen=True, slots=True)
class Size:
    """How many characters conversations have, and the longest of them."""

    characters: int
    longest: int


Value = TypeVar("Value")
Work = Callable[..., Iterator[Value]]
Files = tuple[tuple[str, int, int], ...]  # of a folder: path, bytes, time of the last change


def rendered(
    model: str,
    work: Work[Value],
    *args: Any,
    size: Size,
    again: bool = False,
    progress: Callable[[str], None] | None = None,
    heed: Callable[[], None] | None = None,
) -> Iterator[Value]:
    """What `work(renderer, *args)` yields, with the Renderer of `model` (see `ft.models.catalogue`).

    `work` is a generator function that a module has at its top, `size` that of what it reads. Where a person looks at a
    model, and is likely to ask `again`, the process is kept for a while. `heed` is called again and again, and what it
    raises ends the work, as closing the iterator does.

    Raises:
        UserError: there is no such model, it cannot be fetched or used, or it reached a limit.
        what `work` raises.
    """
    folder = place(model, progress, weights=False)
    trusted = catalogue.is_trusted(model)
    if trusted and size.longest <= LONG and "torch" in sys.modules:
        for value in work(Renderer(read_tokenizer(folder, model)), *args):
            if heed:
                heed()
            yield value
        return
    try:
        keep = again and size.longest <= LONG and (trusted or not hosting.hosted())
        with _SPARE.lent(folder, limits(size.characters), keep) as (child, version):
            yield from child.answers(_with_kept, folder, model, version, work, args, heed=heed)
    except LimitReached as error:
        raise refusal(model, error) from error


class Prompter:
    """Asks for replies of one model, with its chat template at work where `rendered` puts it. To be closed."""

    def __init__(self, model: str) -> None:
        """`model` as in `rendered`; it is fetched where it is not here.

        Raises:
            UserError: it cannot be used, or reached a limit.
        """
        self._model, self._folder = model, place(model, None, weights=False)
        trusted = catalogue.is_trusted(model)
        self._renderer = Renderer(read_tokenizer(self._folder, model)) if trusted else None
        self._child: sandbox.Child | None = None
        self.native_tools, self._end_of_turn = self._do(_what_it_is)

    def end_of_turn(self) -> int | None:
        """The token that ends an assistant turn, None where the template closes it with plain text."""
        return self._end_of_turn

    def prompt(self, rows: Rows) -> list[int]:
        """The token ids that ask for the next assistant turn after the messages `rows`, exactly as in training.

        Raises:
            UserError: the template takes too much.
            ValueError and others of REFUSALS: it does not take such messages.
        """
        return self._do(_prompt, rows)

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _do(self, work: Work[Value], *args: Any) -> Value:
        if self._renderer is not None:
            return next(work(self._renderer, *args))
        if self._child is None:
            self._child = sandbox.Child(limits(0))
        try:
            self._child.begin(_with_kept, self._folder, self._model, (), work, args)
            _, found = self._child.receive()
            self._child.receive()  # the end of the task
        except LimitReached as error:
            self.close()
            raise refusal(self._model, error) from error
        return found


def _what_it_is(renderer: Renderer) -> Iterator[tuple[bool, int | None]]:
    yield renderer.native_tools, renderer.end_of_turn()


def _prompt(renderer: Renderer, rows: Rows) -> Iterator[list[int]]:
    yield renderer.prompt(rows)


def limits(characters: int) -> Limits:
    """What may be taken to write and count so many characters."""
    seconds = _SECONDS + characters * _SECONDS_A_CHARACTER
    if not hosting.hosted():
        return Limits(MEMORY_BYTES, seconds)
    seconds = min(seconds, _LONGEST_HOSTED)
    return Limits(MEMORY_BYTES, seconds, 2 * seconds)  # others wait meanwhile, and computing takes longer where many do


def refusal(model: str, reached: LimitReached) -> UserError:
    """`reached` as a word to whoever chose `model`."""
    return UserError(
        f"the tokenizer and the chat template of {model}",
        f"writing these conversations with them {reached.words}.",
        "Choose another base model, or leave very long conversations out.",
    )


class _Spare:
    """The process that answered the last question about a model, kept for the next one about the same: to begin another
    takes two seconds. A page for others keeps none of a stranger's model: what its template may have found out stays
    with nobody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[Files, sandbox.Child] | None = None

    @contextmanager
    def lent(self, folder: Path, limits: Limits, keep: bool) -> Iterator[tuple[sandbox.Child, Files]]:
        """A process for one question about the model in `folder`, and the version of its files; where `keep`, it is
        kept once that is answered."""
        files = _files(folder)
        child = self._take(files) if keep else None
        child = child or sandbox.Child(limits)
        child.limits = limits
        try:
            yield child, files
        except BaseException:
            child.close()
            raise
        if keep and child.memory_bytes() <= _KEPT_BYTES:
            self._put(files, child)
        else:
            child.close()

    def _take(self, files: Files) -> sandbox.Child | None:
        with self._lock:
            kept, self._kept = self._kept, None
        if kept and kept[0] == files and kept[1].is_alive():
            return kept[1]
        if kept:
            kept[1].close()
        return None

    def _put(self, files: Files, child: sandbox.Child) -> None:
        with self._lock:
            before, self._kept = self._kept, (files, child)
        if before:
            before[1].close()
        timer = threading.Timer(KEPT_SECONDS, self.drop, [child])
        timer.daemon = True
        timer.start()

    def drop(self, child: sandbox.Child | None = None) -> None:
        """End the process that is kept, where it is `child` (None: whichever it is)."""
        with self._lock:
            if self._kept is None or child not in (None, self._kept[1]):
                return
            _, kept = self._kept
            self._kept = None
        kept.close()


_SPARE = _Spare()


def forget() -> None:
    """End the process that waits for the next question about a model."""
    _SPARE.drop()


def _files(folder: Path) -> Files:
    """What tells one version of a tokenizer and its template from another."""
    found = [(path, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    return tuple((str(path), seen.st_size, seen.st_mtime_ns) for path, seen in found)


def _with_kept(folder: Path, model: str, version: Files, work: Work[Value], args: tuple[Any, ...]) -> Iterator[Value]:
    yield from work(_kept(folder, model, version), *args)


@lru_cache(maxsize=1)
def _kept(folder: Path, model: str, _: Files) -> Renderer:
    return Renderer(read_apart(folder, model))


def read_apart(folder: Path, model: str) -> Any:
    """The tokenizer in `folder`, in a process that does nothing else: without torch, which takes seconds to import."""
    os.environ |= {"TRANSFORMERS_NO_ADVISORY_WARNINGS": "1", "TOKENIZERS_PARALLELISM": "false"}
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each thread takes address space
    modules: dict[str, Any] = sys.modules
    modules.setdefault("torch", None)
    return read_tokenizer(folder, model)
