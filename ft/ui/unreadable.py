"""Requests that Gradio cannot make sense of: an answer in words, and one line in the log.

Gradio checks little of what a request says, and fails on it as on a mistake of its own. Its routes run nothing of
Sidetune's, so what fails there is what the request said, but for errors of the machine and in files of ours: these are
raised.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

_OF_THE_MACHINE = (OSError, MemoryError, RuntimeError)
_OURS = Path(__file__).parents[1]
_ANSWERED = "sidetune.answered"  # the key in an ASGI scope that says that an error was the request's, and answered
_LONGEST = 200  # characters of a path or of an error in the log
_log = logging.getLogger("sidetune")


def answer_unreadable(app: FastAPI) -> None:
    """Have `app` answer such requests. Starlette raises each error again once it was answered: see `was_answered`."""
    app.add_exception_handler(Exception, _answer)
    app.add_exception_handler(RequestValidationError, _answer_invalid)


def was_answered(scope: Scope) -> bool:
    """Whether what was raised for this request needs nothing more."""
    return _ANSWERED in scope


def _answer(request: Request, error: Exception) -> Response:
    place = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, _OF_THE_MACHINE) or Path(place.filename).is_relative_to(_OURS):
        return PlainTextResponse("Something went wrong in Sidetune. Its log has the details.\n", 500)
    request.scope[_ANSWERED] = True
    what = f"{type(error).__name__}: {error}"
    where = f"{Path(place.filename).name}:{place.lineno}"
    _log.warning(
        "A request could not be read: %s %s (%s, at %s)", request.method, _line(request.url.path), _line(what), where
    )
    return PlainTextResponse("This request cannot be read. See the list of endpoints.\n", 400)


def _answer_invalid(request: Request, error: Exception) -> Response:
    """Gradio's own answer repeats the request, with what may be in no answer."""
    return PlainTextResponse("This request has another form than is needed. See the list of endpoints.\n", 422)


def _line(text: str) -> str:
    """`text` as it may stand in a line of the log."""
    return ascii(text[:_LONGEST])[1:-1]
