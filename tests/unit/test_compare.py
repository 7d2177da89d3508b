"""Runs beside each other: ranked only where their held-out conversations are the same; only what differs is listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from synthetic_runs import events_of, write

from ft.cli import main
from ft.config import TrainConfig
from ft.dataset import edit, parquet
from ft.dataset.build import SourceFile, save, stage
from ft.dataset.change import replacement
from ft.dataset.held_out import digest
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.runs.compare import MOST, Comparison, Told, compare, losses
from ft.runs.compare import told as compare_told
from ft.runs.directory import Run
from ft.runs.reader import Reader
from ft.ui import api, run_compare


def told(run: Run) -> Told:
    return compare_told(run, Reader())


def line(end: float):
    return lambda epoch: end + 2 / (1 + 3 * epoch)


@pytest.fixture
def runs(home: Path) -> list[Told]:
    slow = TrainConfig(learning_rate=1e-4)
    return [
        told(write(home, "slow", events_of(line(2.5), line(2.6)), slow)),
        told(write(home, "fast", events_of(line(2.0), line(2.1)), slow.with_settings({"learning_rate": 1e-3}), hour=1)),
    ]


def order(found: Comparison) -> list[str]:
    return [each.run.split("-", 2)[2] for each in found.outcomes]


def test_the_best_comes_first_and_only_what_differs_is_listed(runs):
    found = compare(runs)
    assert found.ranked and found.why == "" and order(found) == ["sample-fast", "sample-slow"]
    assert found.differences == {"learning_rate": (1e-3, 1e-4)}
    best = found.outcomes[0]
    assert (best.before, best.steps, best.best_step, best.peak_memory_bytes) == (4.1, 120, 120, 3 * 2**30)
    assert best.best == pytest.approx(2.1 + 2 / 10) and best.seconds == pytest.approx(73) and best.tokens_per_second


def test_the_order_in_which_they_are_named_changes_nothing(runs):
    assert compare(runs).as_json() == compare(runs[::-1]).as_json()


def test_runs_on_different_held_out_conversations_are_not_ranked_and_it_is_said_why(home, runs):
    found = [
        told(write(home, name, events_of(line(1), line(1), data={"held_out": name}), dataset=name))
        for name in ("one", "other")
    ]
    comparison = compare(found)
    assert not comparison.ranked and "different held-out conversations (one v1, other v1)" in comparison.why
    assert order(comparison) == ["one-one", "other-other"]
    assert comparison.differences["dataset"] == ("one v1", "other v1")
    assert comparison.as_json()["best"] is None


def test_runs_whose_datasets_are_gone_are_ranked_where_they_told_that_the_same_was_held_out(home):
    events = events_of(line(1), line(1), data={"held_out": "the same"})
    one, two, third = (
        told(write(home, name, each, dataset=name))
        for name, each in (("one", events), ("two", events), ("old", events_of(line(1), line(1))))
    )
    assert compare([one, two]).ranked
    comparison = compare([one, third])
    assert not comparison.ranked and "old v1 cannot be read any more" in comparison.why


@pytest.fixture
def versions_of_chats(home: Path, tmp_path: Path) -> dict[str, Version]:
    """A dataset and what became of it: a change of what is learnt, of what is held out, and a copy under another
    name."""
    chats = tmp_path / "chats.jsonl"
    pairs = [{"prompt": f"Question {number}?", "completion": f"Answer {number}."} for number in range(30)]
    chats.write_text("\n".join(map(json.dumps, pairs)))
    first = save(stage([SourceFile(chats, chats.name)]), "chats")
    sides = parquet.index(first.conversations_path)["split"].to_pylist()

    def edited(side: str) -> Version:
        row = sides.index(side)
        (before,) = parquet.take(first.conversations_path, [row])
        reply = replace(before.messages[-1], content="Another answer.")
        after = replace(before, messages=(*before.messages[:-1], reply))
        return edit.apply(first, replacement(row, after))

    return {
        "as it was": first,
        "what is learnt was changed": edited("train"),
        "what is held out was changed": edited("validation"),
        "another name": save(stage([SourceFile(chats, chats.name)]), "copy"),
    }


@pytest.mark.parametrize(
    ("name", "ranked"),
    [("what is learnt was changed", True), ("what is held out was changed", False), ("another name", True)],
)
@pytest.mark.parametrize("told_by", ["the run", "the dataset"])
def test_two_runs_are_ranked_where_the_same_is_held_out_whatever_their_versions_are_called(
    home, versions_of_chats, capsys, name, ranked, told_by
):
    """Also where they were not trained on as many tokens, whether they told what was held out or are of a release that
    did not, and wherever one looks."""
    runs = []
    for number, version in enumerate((versions_of_chats["as it was"], versions_of_chats[name])):
        counts = {"validation_tokens": 900, "validation_trained_tokens": 400, "held_out": digest(version)}
        data = counts if told_by == "the run" else dict.fromkeys(counts)
        events = events_of(line(2), line(2 + number), tokens=5000 + number, data=data)
        runs.append(write(home, f"n{number}", events, dataset=version.name, version=version.version, hour=number))
    comparison = compare([told(run) for run in runs])
    assert (comparison.ranked, "different held-out conversations" in comparison.why) == (ranked, not ranked)
    ids = [run.id for run in runs]
    assert main(["compare", *ids, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ranked"] == ranked and document == api.compare(ids)
    assert ("(best)" in run_compare.show(Reader(), ids, "validation")[2]) == ranked


def test_runs_that_cut_the_same_conversations_into_other_tokens_are_not_ranked(home, runs):
    other = told(write(home, "long", events_of(line(1), line(1), tokens=60_000), TrainConfig(max_length=1024), hour=2))
    found = compare([*runs, other])
    assert not found.ranked and "same tokens" in found.why


def test_a_run_that_was_never_validated_comes_last_and_stands_in_no_one_s_way(home, runs):
    failed = write(home, "failed", events_of(line(1), None, last=3, end="failed", given="a", why="b", todo="c"), hour=2)
    found = compare([told(failed), *runs])
    assert found.ranked and order(found) == ["sample-fast", "sample-slow", "sample-failed"]
    assert found.outcomes[-1].best is None and found.outcomes[-1].status == "failed"
    assert "nothing to rank them by" in compare([told(failed), runs[0]]).why


def test_two_that_are_closer_than_their_held_out_conversations_can_tell_are_said_to_be(home):
    few = {"conversations": (50, 5)}
    ends = [2, 2.01]
    found = compare([told(write(home, f"to-{end}", events_of(line(2), line(end), **few))) for end in ends])
    assert found.ranked and "differ by 0.01" in found.why and "5 held-out conversations" in found.why


def test_what_is_not_known_of_a_run_that_has_not_begun_is_no_difference(runs, home):
    config = TrainConfig(learning_rate=1e-4)
    waiting = told(write(home, "waits", events_of(line(2.5), None, last=1, end="")[:1], config, hour=2))
    assert compare([runs[0], waiting]).differences == {}
    assert compare([*runs, waiting]).differences == {"learning_rate": (1e-3, 1e-4, 1e-4)}


def test_the_precision_of_the_base_and_the_device_are_among_what_differs_but_not_the_memory_that_was_free(home, runs):
    found = events_of(line(2), line(2))
    started = next(event for event in found if event["kind"] == "started")
    started.update(dtype="bfloat16", device="CPU (AMD EPYC, 2 cores), 24 GB (3.1 GB free)")
    other = told(write(home, "bf16", found, runs[0].config.train, hour=2))
    assert compare([runs[0], other]).differences == {"precision": ("bfloat16", "float32")}


def test_time_is_counted_while_it_trained_and_not_while_it_was_stopped(home):
    begun = events_of(line(2), line(2), last=60, end="stopped")
    later = [
        {"time": begun[-1]["time"] + 5000, "kind": "launched"},
        {"time": begun[-1]["time"] + 5010, "kind": "started", "step": 60, "steps": 120},
        {"time": begun[-1]["time"] + 5020, "kind": "step", "step": 61, "loss": 2.0},
    ]
    one, two = told(write(home, "one", begun)), told(write(home, "two", begun + later, hour=1))
    seconds = {each.run: each.seconds for each in compare([one, two]).outcomes}
    assert seconds[two.id] == pytest.approx(seconds[one.id] + 10)


def test_fewer_than_two_or_too_many_runs_are_refused(home, runs):
    with pytest.raises(UserError, match="one run: a comparison takes 2"):
        compare([runs[0], runs[0]])
    many = [told(write(home, f"n{n}", events_of(line(2), None, steps=2), hour=n)) for n in range(MOST + 1)]
    with pytest.raises(UserError, match=f"{MOST + 1} runs"):
        compare(many)


def test_the_lines_on_the_chart_of_all_are_validations_or_smoothed_training(runs):
    assert losses(runs[0], "validation")[0] == (0, pytest.approx(4.6))
    training = losses(runs[0], "training")
    assert len(training) == 120 and training[0][1] > training[-1][1]


def test_a_comparison_is_json(runs):
    document = json.loads(json.dumps(compare(runs).as_json()))
    assert set(document) == {"runs", "differences", "ranked", "best", "why"}
    assert document["differences"]["learning_rate"][document["best"]] == 1e-3
