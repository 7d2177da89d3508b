"""The order of the data, and how a step is divided: nothing about them depends on how far a run came, or on memory."""

import random

import pytest

from ft.config import TrainConfig
from ft.errors import UserError
from ft.train.batch import Batch, batch_of
from ft.train.order import StepOrder

LENGTHS = random.Random(7).choices(range(20, 900), k=203)


def steps(order: StepOrder, rows: int) -> list[list[int]]:
    found = list(order)
    return [found[start : start + rows] for start in range(0, len(found), rows)]


@pytest.mark.parametrize("rows", [1, 2, 8, 64, 500])
def test_every_row_is_trained_on_once_an_epoch(rows: int):
    order = StepOrder(LENGTHS, rows, seed=42)
    for epoch in range(3):
        order.set_epoch(epoch)
        assert sorted(order) == list(range(len(LENGTHS)))


def test_the_order_is_that_of_the_seed_and_the_epoch_alone():
    def epoch(number: int, seed: int) -> list[int]:
        order = StepOrder(LENGTHS, 8, seed)
        order.set_epoch(number)
        return list(order)

    assert epoch(1, 42) == epoch(1, 42)
    assert len({tuple(epoch(number, seed)) for number in range(3) for seed in (1, 2)}) == 6


@pytest.mark.parametrize("processes", [2, 3, 8])
def test_processes_that_share_a_step_have_the_same_rows_and_blanks_only_where_rows_run_out(processes: int):
    rows, size = 48, 2
    alone, shared = StepOrder(LENGTHS, rows, seed=42), StepOrder(LENGTHS, rows, 42, together=size * processes)
    found = list(shared)
    assert len(found) == len(shared) and len(found) % (size * processes) == 0
    assert [row for row in found if row < len(LENGTHS)] == list(alone)
    assert set(found[len(LENGTHS) :]) <= {len(LENGTHS)} and len(found) - len(LENGTHS) < size * processes


def test_the_rows_of_a_step_have_about_the_same_length_and_the_longest_come_first():
    order = StepOrder(LENGTHS, 8, seed=42)
    found = steps(order, 8)
    padded = sum(len(rows) * max(LENGTHS[row] for row in rows) for rows in found)
    assert padded < 1.1 * sum(LENGTHS)
    assert max(LENGTHS[row] for row in found[0]) == max(LENGTHS[row] for rows in found[:-1] for row in rows)
    firsts = [LENGTHS[rows[0]] for rows in found[1:-1]]
    assert firsts != sorted(firsts) and firsts != sorted(firsts, reverse=True)


@pytest.mark.parametrize(
    ("batch", "smaller"),
    [((16, 1), (8, 2)), ((6, 1), (3, 2)), ((3, 4), (1, 12)), ((5, 2), (2, 5)), ((2, 3), (1, 6))],
)
def test_a_smaller_batch_makes_the_same_step(batch: tuple[int, int], smaller: tuple[int, int]):
    found = Batch(*batch).smaller()
    assert found == Batch(*smaller) and found.rows_a_step == Batch(*batch).rows_a_step


def test_one_conversation_at_once_is_as_small_as_a_batch_gets():
    assert Batch(1, 8).smaller() is None


def test_a_resumed_run_goes_on_with_the_batch_that_it_had_come_down_to():
    config = TrainConfig(batch_size=8, gradient_accumulation=2)
    assert batch_of(config, []) == Batch(8, 2)
    told = [
        {"kind": "smaller_batch", "batch_size": 4, "gradient_accumulation": 4},
        {"kind": "smaller_batch", "batch_size": 2, "gradient_accumulation": 8},
        {"kind": "step", "step": 3},
    ]
    assert batch_of(config, told) == Batch(2, 8)


@pytest.mark.parametrize(
    ("asked", "processes", "batch"),
    [((4, 2), 2, (4, 1)), ((4, 1), 2, (2, 1)), ((6, 2), 3, (4, 1)), ((8, 4), 3, None), ((4, 1), 8, None)],
)
def test_processes_share_a_step_evenly_in_batches_that_are_no_larger_or_are_refused(asked, processes: int, batch):
    config = TrainConfig(batch_size=asked[0], gradient_accumulation=asked[1])
    if batch is None:
        with pytest.raises(UserError, match="cannot share evenly") as refused:
            batch_of(config, [], processes)
        assert refused.value.todo
    else:
        found = batch_of(config, [], processes)
        assert found == Batch(*batch, processes) and found.rows_a_step == asked[0] * asked[1]
