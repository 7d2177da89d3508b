"""What the endpoints for scripts share: how a refusal reaches the client, and how one that takes files is laid out."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import wraps
from typing import Any

import gradio as gr
from gradio.components import Component

from ft import hosting
from ft.errors import UserError
from ft.ui.arguments import checked
from ft.ui.background import Say, follow

_LONGEST = 4000  # characters of a refusal
_LOOK_SECONDS = 0.5  # between two looks whether the client is still there
LONGEST_HOSTED = 900.0  # seconds that one request may take, as others wait for its place

Heed = Callable[..., None]  # called again and again, it ends the work by what it raises


def unheeded(*_: object) -> None:
    """The Heed of work that nobody ends."""


@dataclass(frozen=True, slots=True)
class _Answer:
    value: Any


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


def attended(endpoint: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """The endpoint, which takes a Heed as `heed`, as one that ends when its client has left: Gradio looks for that
    between two values of a generator. null stands for an answer that is still to come.

    Raises (the endpoint):
        gr.Error: the page is hosted, and it took longer than one request may.
    """
    signature = inspect.signature(endpoint, eval_str=True)

    def steps(*given: Any, **named: Any) -> Iterator[Any]:
        def work(say: Say) -> Generator[_Answer, None, None]:
            yield _Answer(endpoint(*given, **named, heed=_heed(say)))

        with closing(follow(work, _LOOK_SECONDS)) as news:
            for item in news:
                yield item.value if isinstance(item, _Answer) else None

    given = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    steps.__name__, steps.__doc__ = endpoint.__name__, endpoint.__doc__
    steps.__annotations__ = {each.name: each.annotation for each in given} | {"return": signature.return_annotation}
    steps.__signature__ = signature.replace(parameters=given)  # type: ignore[attr-defined]
    return steps


def _heed(say: Say) -> Heed:
    begun = looked = time.monotonic()

    def heed(*_: object) -> None:
        nonlocal looked
        now = time.monotonic()
        if hosting.hosted() and now - begun > LONGEST_HOSTED:
            why = f"it took more than {LONGEST_HOSTED / 60:.0f} minutes, and others wait."
            raise UserError("this request", why, "Ask it of a smaller dataset, or use the command line.")
        if now - looked > _LOOK_SECONDS:
            looked = now
            say("")  # raises where nobody follows any more

    return heed


def add(
    name: str, endpoint: Callable[..., Any], inputs: Sequence[Component], output: Component, line: str | None = None
) -> None:
    """Add an endpoint whose inputs or output are files: only a gr.File makes sure that a path is one that was uploaded,
    and not any file of this machine, and gives a file out so that a client can fetch it.

    `line`: the events that it waits in line with; two of them go on at once.
    """
    press = gr.Button(visible=False).click
    press(endpoint, list(inputs), output, api_name=name, concurrency_limit=2, concurrency_id=line)
