"""An answer to a request that goes no further, before Gradio sees it."""

from __future__ import annotations


class Refusal(Exception):
    """`status` is the HTTP status, `text` the answer as a person reads it."""

    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text
        super().__init__(text)
