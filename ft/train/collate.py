"""Rows of tokens -> the batch that goes through the model at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from ft.train.data import IGNORED

CLOSE = 0.05  # of the logits' norm: more than rounding to bf16 makes of it


def collate(rows: Sequence[dict[str, Any]], *, pad: int, flat: bool = False) -> dict[str, Any]:
    """Tensors of `rows` with `input_ids` and `labels`: padded on the right to the longest, (rows, longest), with an
    attention_mask; or where `flat`, one behind the other without padding, (1, tokens), see `_flat`.

    `places` (trained tokens,) are the places, over all of the batch flattened, of the tokens after which a trained one
    comes, `targets` (trained tokens,) are those, and `tokens` is how many are not padding. They are found here, where
    the data is, because a GPU would have to be waited for.
    """
    ids = [torch.tensor(row["input_ids"]) for row in rows]
    # A first token has no token before it to be predicted from.
    labels = [torch.tensor([IGNORED, *row["labels"][1:]]) for row in rows]
    batch = _flat(ids, labels) if flat else _padded(ids, labels, pad)
    after = batch["labels"].flatten().roll(-1)
    places = (after != IGNORED).nonzero().flatten()
    return {**batch, "places": places, "targets": after[places], "tokens": sum(map(len, ids))}


def rows_of(batch: dict[str, Any]) -> list[list[int]]:
    """The tokens of each row of a batch, without padding."""
    if "attention_mask" in batch:
        pairs = zip(batch["input_ids"], batch["attention_mask"], strict=True)
        return [ids[seen.bool()].tolist() for ids, seen in pairs]
    return [row.tolist() for row in batch["input_ids"][0].tensor_split(batch["cu_seq_lens_q"][1:-1].cpu().long())]


def _padded(ids: list[torch.Tensor], labels: list[torch.Tensor], pad: int) -> dict[str, Any]:
    return {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=pad),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
        "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORED),
    }


def _flat(ids: list[torch.Tensor], labels: list[torch.Tensor]) -> dict[str, Any]:
    """What flash attention takes so that no row sees another: where each begins (`cu_seq_lens`) and the longest; and
    for layers that are no attention the number of the row that each token is of (`seq_idx`)."""
    lengths = torch.tensor([len(row) for row in ids])
    begins = torch.nn.functional.pad(lengths.cumsum(0), (1, 0)).int()
    longest = int(lengths.max())
    return {
        "input_ids": torch.cat(ids)[None],
        "labels": torch.cat(labels)[None],
        "position_ids": torch.cat([torch.arange(len(row)) for row in ids])[None],
        "cu_seq_lens_q": begins,
        "cu_seq_lens_k": begins,
        "max_length_q": longest,
        "max_length_k": longest,
        "seq_idx": torch.repeat_interleave(torch.arange(len(ids), dtype=torch.int32), lengths)[None],
    }


@torch.no_grad()
def sees_no_padding(model: PreTrainedModel) -> bool:
    """Whether what stands behind a row changes nothing of it, as in any causal model, so that padding on the right
    needs no mask. Tried on a few tokens."""
    ids = torch.arange(1, 17, device=model.device)[None]
    longer = model(input_ids=ids, use_cache=False).logits[:, :8].float()
    alone = model(input_ids=ids[:, :8], use_cache=False).logits.float()
    return bool((longer - alone).norm() <= CLOSE * alone.norm())


@torch.no_grad()
def keeps_rows_apart(model: PreTrainedModel) -> bool:
    """Whether two rows of a flat batch give the logits that each gives alone.

    Tried, since it is not known of a family: some layers that are no attention see the whole batch, or refuse it.
    """
    rows = [{"input_ids": list(range(first, first + 8)), "labels": [IGNORED] * 8} for first in (1, 9)]
    batch = {
        name: value.to(model.device) if isinstance(value, torch.Tensor) else value
        for name, value in collate(rows, pad=0, flat=True).items()
        if name not in ("labels", "places", "targets", "tokens")
    }
    try:
        together = model(**batch, use_cache=False).logits[0]
    except (ValueError, TypeError, NotImplementedError):
        return False
    ids = [torch.tensor([row["input_ids"]], device=model.device) for row in rows]
    apart = torch.cat([model(input_ids=each, use_cache=False).logits[0] for each in ids])
    return bool((together - apart).float().norm() <= CLOSE * apart.float().norm())
