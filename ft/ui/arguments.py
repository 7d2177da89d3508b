"""What a script may hand to an endpoint: each argument as its annotation says, or a refusal in words."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable
from typing import Any, Union, get_args, get_origin

from ft.errors import UserError

_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}
_LONGEST = 1_000_000  # characters of one text


def checked(endpoint: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """A function that takes what `endpoint` takes and gives its arguments by name, of the types of its annotations.

    null stands for what may be left out, or for an empty text.

    Raises (the function):
        UserError: an argument is of another type, or a text that cannot be written as UTF-8.
    """
    signature = inspect.signature(endpoint, eval_str=True)

    def arguments(*given: Any, **named: Any) -> dict[str, Any]:
        try:
            bound = signature.bind(*given, **named).arguments
        except TypeError as error:
            raise UserError("the arguments", f"they do not fit ({error}).", "See the list of endpoints.") from error
        return {
            name: value
            if signature.parameters[name].kind is inspect.Parameter.KEYWORD_ONLY  # of our own, see `attended`
            else _checked(signature.parameters[name], value)
            for name, value in bound.items()
        }

    return arguments


def _checked(parameter: inspect.Parameter, value: Any) -> Any:
    kinds = get_args(parameter.annotation) if _is_union(parameter.annotation) else (parameter.annotation,)
    if value is None:
        if parameter.default is not inspect.Parameter.empty:
            return parameter.default
        return "" if str in kinds else None
    plain = {get_origin(kind) or kind for kind in kinds}
    if float in plain and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e300:
        value = float(value)
    if int in plain and isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) not in plain or (isinstance(value, float) and not math.isfinite(value)):
        wanted = " or ".join(_WORDS[kind] for kind in _WORDS if kind in plain)
        raise UserError(f"{parameter.name} = {_shown(value)}", f"it is not {wanted}.", f"Give {wanted}.")
    if list[str] in kinds and not all(isinstance(each, str) for each in value):
        raise UserError(f"{parameter.name} = {_shown(value)}", "it is not a list of texts.", "Give a list of texts.")
    _require_utf8(parameter.name, value)
    return value


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _require_utf8(name: str, value: Any) -> None:
    """Raise UserError where a text in `value`, however deep, is too long or holds half of a character."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            left += each
        elif isinstance(each, str):
            if len(each) > _LONGEST:
                raise UserError(name, f"a text in it has {len(each):,} characters.", f"Give at most {_LONGEST:,}.")
            try:
                each.encode()
            except UnicodeEncodeError as error:
                why = "a text in it has half of a character (a lone surrogate)."
                raise UserError(name, why, "Write that character again.") from error


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or isinstance(value, bool) or abs(value) < 10**40 else "..."
    return text if len(text) <= 80 else text[:77] + "..."
