"""What the endpoints for scripts share: how a refusal reaches the client, and how one that takes files is laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import gradio as gr
from gradio.components import Component

from ft.errors import UserError


def refusing(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an endpoint so that its UserError reaches the client as an error that says the same."""

    @wraps(endpoint)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return endpoint(*given, **named)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return call


def add(
    name: str, endpoint: Callable[..., Any], inputs: Sequence[Component], output: Component, line: str | None = None
) -> None:
    """Add an endpoint whose inputs or output are files: only a gr.File makes sure that a path is one that was uploaded,
    and not any file of this machine, and gives a file out so that a client can fetch it.

    `line`: the events that it waits in line with; two of them go on at once.
    """
    press = gr.Button(visible=False).click
    press(endpoint, list(inputs), output, api_name=name, concurrency_limit=2, concurrency_id=line)
