"""What the endpoints for scripts share: how a refusal reaches the client, and how one that takes files is laid out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

import gradio as gr
from gradio.components import Component

from ft.errors import UserError
from ft.ui.arguments import checked

_LONGEST = 4000  # characters of a refusal


def refusing(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an endpoint (a generator too) so that its arguments are of the types of its annotations, and that its
    UserError reaches the client as an error that says the same."""
    arguments = checked(endpoint)
    if inspect.isgeneratorfunction(endpoint):

        @wraps(endpoint)
        def steps(*given: Any, **named: Any) -> Iterator[Any]:
            try:
                yield from endpoint(**arguments(*given, **named))
            except UserError as error:
                raise _refusal(error) from error

        return steps

    @wraps(endpoint)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return endpoint(**arguments(*given, **named))
        except UserError as error:
            raise _refusal(error) from error

    return call


def _refusal(error: UserError) -> gr.Error:
    # Half of a character, as in the name of a file, can be sent to no client.
    text = str(error).encode("utf-8", "replace").decode()
    return gr.Error(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…", print_exception=False)


def add(
    name: str, endpoint: Callable[..., Any], inputs: Sequence[Component], output: Component, line: str | None = None
) -> None:
    """Add an endpoint whose inputs or output are files: only a gr.File makes sure that a path is one that was uploaded,
    and not any file of this machine, and gives a file out so that a client can fetch it.

    `line`: the events that it waits in line with; two of them go on at once.
    """
    press = gr.Button(visible=False).click
    press(endpoint, list(inputs), output, api_name=name, concurrency_limit=2, concurrency_id=line)
