"""Rows of tokens -> the batch that goes through the model at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from ft.train.data import IGNORED


def collate(rows: Sequence[dict[str, Any]], *, pad: int) -> dict[str, torch.Tensor]:
    """Tensors of `rows` with `input_ids` and `labels`, padded on the right to the longest.

    input_ids, attention_mask and labels are (rows, longest). `places` (trained tokens,) are the places, over all of the
    batch flattened, of the tokens after which a trained one comes, and `targets` (trained tokens,) are those. They are
    found here, where the data is, because a GPU would have to be waited for.
    """
    ids = [torch.tensor(row["input_ids"]) for row in rows]
    labels = pad_sequence([torch.tensor(row["labels"]) for row in rows], batch_first=True, padding_value=IGNORED)
    after = torch.nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORED).flatten()
    places = (after != IGNORED).nonzero().flatten()
    return {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=pad),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
        "labels": labels,
        "places": places,
        "targets": after[places],
    }
