"""A very long text -> token ids, a slice at a time: to encode it whole takes some 150 times its size of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SLICE = 250_000  # characters
OVERLAP = 4_000  # of two slices
ALIKE = 64  # tokens in a row that both slices have at the same place: from there on both would go on alike

Token = tuple[int, int]  # its id, and where it starts in the text


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The token ids of `text`, without tokens that a tokenizer adds to its ends.

    A slice begins within the one before it. Its first tokens may be others, as a word is cut there. But where both
    have the same tokens for a while, the tokenizer has forgotten how the slice began: there they are joined. Where
    they never have (one word of a million letters), the text is encoded whole.
    """
    if len(text) <= SLICE or not tokenizer.is_fast:
        return _whole(tokenizer, text)
    ids: list[int] = []
    same: dict[int, int] = {}  # one object for each token, not one for each place
    last: list[Token] = []  # the tokens of the last slice from `OVERLAP` before its end on: not in `ids` yet
    start = 0
    while True:
        end = min(start + SLICE, len(text))
        found = tokenizer(text[start:end], add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        starts = [start + offset for offset, _ in found["offset_mapping"]]
        here = list(zip((same.setdefault(token, token) for token in found["input_ids"]), starts, strict=True))
        if start:
            at = _joint(last, here)
            if at is None:
                return _whole(tokenizer, text)
            before, behind = at
            ids += [token for token, _ in last[:before]]
            here = here[behind:]
        if end == len(text):
            return ids + [token for token, _ in here]
        start = end - OVERLAP
        kept = next((place for place, (_, offset) in enumerate(here) if offset >= start), len(here))
        ids += [token for token, _ in here[:kept]]
        last = here[kept:]


def _whole(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


def _joint(last: list[Token], here: list[Token]) -> tuple[int, int] | None:
    """How many tokens to take of `last`, and to leave out of `here`: behind the first ALIKE that they share."""
    places = {token: place for place, token in enumerate(last)}
    alike = 0
    for behind, token in enumerate(here[: 2 * OVERLAP]):
        before = places.get(token)
        alike = alike + 1 if before is not None and (not alike or last[before - 1] == here[behind - 1]) else 0
        if before is not None and alike == ALIKE:
            return before + 1, behind + 1
    return None
