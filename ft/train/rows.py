"""What training takes of a dataset, worked out where a stranger's chat template can do no harm: `ft.template.apart`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

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


class Encoded(NamedTuple):
    """What a run takes of a dataset: the rows of each side (see `ft.train.data.encode`) with their counts, and what it
    asks its model."""

    training: datasets.Dataset
    counts: Counts
    validation: datasets.Dataset
    held_out: Counts
    asked: Asked


def encode(dataset: Version, config: TrainConfig) -> Encoded:
    """All that a run takes of the dataset, its questions (`config.probes` of them, see `ft.train.questions`) of what is
    held out first.

    Raises:
        UserError: the model cannot be used, its chat template cannot write a conversation, or takes too much.
    """
    rows: dict[str, list[pa.RecordBatch]] = {"train": [], "validation": []}
    counts: dict[str, Counts] = {}
    asked: Asked | None = None
    for side, found in rendered(config.model, _encode, dataset, config, size=size_of(dataset)):
        if isinstance(found, Counts):
            counts[side] = found
        elif isinstance(found, Asked):
            asked = found
        else:
            rows[side].append(found)
    assert asked is not None
    training, validation = joined(rows["train"]), joined(rows["validation"])
    return Encoded(training, counts["train"], validation, counts["validation"], asked)


def encode_longest(dataset: Version, many: int, config: TrainConfig) -> datasets.Dataset:
    """The rows of the `many` conversations of both sides that have the most text.

    Raises:
        UserError: as `encode`.
    """
    return joined(rendered(config.model, _encode_longest, dataset, many, config, size=size_of(dataset)))


def find_rows(dataset: Version, rows: set[tuple[int, ...]], config: TrainConfig) -> list[str]:
    """Where the conversations come from that became one of these `rows` of tokens."""
    return list(rendered(config.model, _find_rows, dataset, rows, config, size=size_of(dataset)))


def _encode(
    renderer: Renderer, dataset: Version, config: TrainConfig
) -> Iterator[tuple[str, pa.RecordBatch | Counts | Asked]]:
    for side in ("train", "validation"):
        counts = Counts()
        for rows in batches(dataset.conversations(side), renderer, config, counts):
            yield side, rows
        yield side, counts
    unseen_first = chain(dataset.conversations("validation"), dataset.conversations("train"))
    yield "", Asked(questions(unseen_first, renderer, config.probes), renderer.end_of_turn())


def _encode_longest(renderer: Renderer, dataset: Version, many: int, config: TrainConfig) -> Iterator[pa.RecordBatch]:
    yield from batches(parquet.longest(dataset.conversations_path, many), renderer, config, Counts())


def _find_rows(renderer: Renderer, dataset: Version, rows: set[tuple[int, ...]], config: TrainConfig) -> Iterator[str]:
    for conversation in dataset.conversations("train"):
        found = {tuple(each.input_ids) for each in prepare([conversation], renderer, config, Counts())}
        if found & rows:
            yield f"{conversation.origin.file}, record {conversation.origin.record}"
