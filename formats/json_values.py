"""Values of JSON as they are written: numbers that keep their text, and keys that are counted."""

from __future__ import annotations


def keys_inside(value: dict[str, object]) -> int:
    """How many keys there are in the object and all that it holds; -1 where it holds a number that is no whole one."""
    count = len(value)
    for held in value.values():
        if type(held) is str:
            continue
        if type(held) is not list:
            return _all_keys(value)
        for one in held:  # turns, mostly
            if type(one) is not dict:
                return _all_keys(value)
            count += len(one)
            for text in one.values():
                if type(text) is not str:
                    return _all_keys(value)
    return count


def _all_keys(value: dict[str, object]) -> int:
    waiting: list[object] = [value]
    count = 0
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            count += len(one)
            waiting += one.values()
        elif type(one) is list:
            waiting += one
        elif type(one) is float:
            return -1
    return count


class Number(float):
    """A number that remembers how it is written: 1.10 stays "1.10" as text, and no number is too long to be read."""

    __slots__ = ("_text",)
    _text: str

    def __new__(cls, text: str) -> Number:
        self = super().__new__(cls, text)
        self._text = text
        return self

    def __str__(self) -> str:
        return self._text
