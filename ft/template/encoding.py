"""Text -> token ids, the way the chat does it, each stretch of a growing text only once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ft.template import slices

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text and its token ids."""

    text: str
    ids: list[int]


class Encoding:
    """Encodes what one tokenizer's chat template wrote. `added`: its added tokens and their texts, but for white space
    (Gemma counts line breaks among them)."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.added = {number: text for text, number in tokenizer.get_added_vocab().items() if text.strip()}

    def encode(self, text: str, known: Encoded | None = None) -> Encoded:
        """The token ids of `text`, the same ones whatever is `known`: a text that has its first part in common.

        A tokenizer parts a text at its added tokens before anything else, so the ids before the last of them stay.
        """
        if known is not None and known.ids:
            place = next((place for place in range(len(known.ids) - 1, 0, -1) if known.ids[place] in self.added), 0)
            anchor = self.added.get(known.ids[place], "")
            at = known.text.rfind(anchor) if anchor else -1
            if at > 0 and text.startswith(known.text[: at + len(anchor)]):
                rest = self._ids(text[at:])
                if rest[:1] == known.ids[place : place + 1]:
                    return Encoded(text, known.ids[:place] + rest)
        return Encoded(text, self._ids(text))

    def _ids(self, text: str) -> list[int]:
        # The template writes the tokens that begin a text, so the tokenizer must not write them again.
        return slices.encode(self.tokenizer, text)
