"""The one exception that a person is meant to read."""

from __future__ import annotations


class UserError(Exception):
    """Something a person can put right. Shown as it is, without a traceback; anything else is a bug and keeps its own.

    `given` is what was given, `why` is why it cannot be used, `todo` is what to do about it.
    """

    def __init__(self, given: str, why: str, todo: str) -> None:
        self.given, self.why, self.todo = given, why, todo
        super().__init__(f"{given}: {why} {todo}")

    def __reduce__(self) -> tuple[type[UserError], tuple[str, str, str]]:
        return type(self), (self.given, self.why, self.todo)  # so that it can be passed on by another process
