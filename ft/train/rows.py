"""What training takes of a dataset, worked out where a stranger's chat template can do no harm: `ft.template.apart`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from ft.config import TrainConfig
from ft.dataset import parquet
from ft.dataset.versions import Version
from ft.template.apart import rendered
from ft.template.render import Renderer
from ft.train.data import Counts, batches, joined, prepare, size_of
from ft.train.questions import Asked, questions

if TYPE_CHECKING:
    import datasets


def encode_side(dataset: Version, side: str, config: TrainConfig) -> tuple[datasets.Dataset, Counts]:
    """One side of the dataset ("train" or "validation"), as `ft.train.data.encode` gives it.

    Raises:
        UserError: the model cannot be used, its chat template cannot write a conversation, or takes too much.
    """
    return _encoded(dataset, side, 0, config)


def encode_longest(dataset: Version, many: int, config: TrainConfig) -> tuple[datasets.Dataset, Counts]:
    """The same for the `many` conversations of both sides that have the most text."""
    return _encoded(dataset, "", many, config)


def ask(dataset: Version, config: TrainConfig) -> Asked:
    """The questions of `config.probes` (see `ft.train.questions`), of what is held out first."""
    (asked,) = rendered(config.model, _ask, dataset, config.probes, size=size_of(dataset))
    return asked


def find_rows(dataset: Version, rows: set[tuple[int, ...]], config: TrainConfig) -> list[str]:
    """Where the conversations come from that became one of these `rows` of tokens."""
    return list(rendered(config.model, _find_rows, dataset, rows, config, size=size_of(dataset)))


def _encoded(dataset: Version, side: str, longest: int, config: TrainConfig) -> tuple[datasets.Dataset, Counts]:
    parts: list[pa.RecordBatch] = []
    counts = Counts()
    for found in rendered(config.model, _encode, dataset, side, longest, config, size=size_of(dataset)):
        if isinstance(found, Counts):
            counts = found
        else:
            parts.append(found)
    return joined(parts), counts


def _encode(
    renderer: Renderer, dataset: Version, side: str, longest: int, config: TrainConfig
) -> Iterator[pa.RecordBatch | Counts]:
    counts = Counts()
    of = parquet.longest(dataset.conversations_path, longest) if longest else dataset.conversations(side)
    yield from batches(of, renderer, config, counts)
    yield counts


def _ask(renderer: Renderer, dataset: Version, many: int) -> Iterator[Asked]:
    unseen_first = chain(dataset.conversations("validation"), dataset.conversations("train"))
    yield Asked(questions(unseen_first, renderer, many), renderer.end_of_turn())


def _find_rows(renderer: Renderer, dataset: Version, rows: set[tuple[int, ...]], config: TrainConfig) -> Iterator[str]:
    for conversation in dataset.conversations("train"):
        found = {tuple(each.input_ids) for each in prepare([conversation], renderer, config, Counts())}
        if found & rows:
            yield f"{conversation.origin.file}, record {conversation.origin.record}"
