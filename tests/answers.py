"""What asking gives: an answer or a refusal, from a function, a coroutine or the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import gradio as gr
import pytest

from ft.cli import main
from ft.errors import UserError

T = TypeVar("T")


def refused(ask: Callable[[], Any]) -> Any:
    """What `ask` gives, or how it refuses; any other exception is a failure."""
    try:
        return ask()
    except (UserError, gr.Error) as error:
        return str(error)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words]) in (0, 1)
    printed = capsys.readouterr()
    return printed.out + printed.err


def waited(coroutine: Coroutine[Any, Any, T]) -> T:
    """What it gives. In a thread of its own: in the test's, Playwright's loop may run already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
