"""The view of a run and the comparison: what is sent to the page, and that nothing is sent twice or unescaped."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from synthetic_runs import events_of, write

from ft import home as places
from ft.config import TrainConfig
from ft.dataset import versions
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.models import device
from ft.presets import PRESETS
from ft.runs import directory, launch
from ft.runs.curves import Curves
from ft.runs.directory import Run
from ft.runs.reader import Reader
from ft.runs.status import status, summary
from ft.ui import (
    alerts,
    run_advice,
    run_charts,
    run_values,
    run_view,
    run_words,
    runs,
    train_form,
)
from ft.ui.train_settings import SETTINGS

SKIP = repr(gr.skip())
OVER = events_of(lambda epoch: 4.5 / (1 + epoch), lambda epoch: 4.5 - 2 * epoch if epoch <= 1 else 2 + epoch / 2)


def flat(epoch: float) -> float:
    return 2.0 + 0 * epoch


def seen(run: Run, reader: Reader) -> dict[str, str]:
    return run_view.show(run.id, reader=reader)[-1]


def drawn(run: Run, opened: bool = True) -> list[Any]:
    curves = Reader().read(run)
    return run_charts.show(curves, status(run, curves.told), opened)


def frame(plot: gr.LinePlot) -> list[list[Any]]:
    return plot.value["data"] if isinstance(plot.value, dict) else plot.value.data


def test_a_tick_at_which_nothing_happened_sends_nothing(home: Path):
    run, reader = write(home, "over", OVER), Reader()
    assert repr(run_view.tick(reader, run.id, seen(run, reader), True)) == SKIP


def test_a_run_whose_first_loss_was_not_a_number_is_shown_without_a_chart(home: Path):
    told = [{**event, "loss": None} if event["kind"] == "step" else event for event in OVER]
    first = next(number for number, event in enumerate(told) if event["kind"] == "step")
    failed = {"time": told[first]["time"] + 1, "kind": "failed", "given": "step 1", "why": "it diverged.", "todo": "x"}
    run = write(home, "nan", [*told[: first + 1], failed])
    shown = run_view.show(run.id, reader=Reader())
    assert "it diverged." in shown[1].value
    assert set(map(repr, drawn(run)[:1])) == {repr(gr.update(visible=False))}


def test_a_tick_at_which_only_the_log_grew_sends_no_chart(home: Path):
    run, reader = write(home, "over", OVER), Reader()
    before = seen(run, reader)
    run.log_path.write_text("a line\n")
    sent = run_view.tick(reader, run.id, before, True)
    charts = sent[len(run_advice.show(None)) + 3 :][: len(run_charts.unchanged())]
    assert set(map(repr, charts)) == {SKIP} and "a line" in sent


def test_a_tick_at_which_a_step_came_sends_the_loss_and_what_is_in_the_fold_only_where_it_is_open(home: Path, hold):
    following = next(number for number, event in enumerate(OVER) if event["kind"] == "step" and event["step"] > 30)
    run, reader = write(home, "going", OVER[:following]), Reader()
    with hold(run.lock_path):
        before = seen(run, reader)
        with run.events_path.open("a") as file:
            file.write(json.dumps(OVER[following]) + "\n")
        shut, opened = (run_view.tick(reader, run.id, before, each) for each in (False, True))
    skipped = [sum(repr(each) == SKIP for each in sent) for sent in (shut, opened)]
    assert skipped == [len(run_charts.MEASURES) + 1, 0]
    assert sum(isinstance(each, gr.LinePlot) for each in shut) == 1


def test_the_signature_of_the_charts_changes_with_them_alone(home: Path):
    reader = Reader()
    signatures = []
    for number in range(4, len(OVER)):
        run = write(home, f"n{number}", OVER[:number])
        curves = reader.read(run)
        signatures.append((OVER[number - 1]["kind"], run_charts.drawn(curves, status(run, curves.told))))
    for (_, earlier), (kind, later) in pairwise(signatures):
        assert (later != earlier) == (kind in ("step", "validation"))


def test_a_smoothed_line_is_named_as_one_and_says_over_how_many_steps(home: Path):
    plot, note, *_ = drawn(write(home, "over", OVER))
    assert set(plot.color_map) == {"training", "training, smoothed", "validation"}
    assert "mean of the last 5 steps" in note.value
    short, note, *_ = drawn(write(home, "short", events_of(flat, None, steps=8), hour=1))
    assert set(short.color_map) == {"training"} and note.visible is False


def test_a_single_validation_is_told_in_words_since_one_point_is_no_line(home: Path, hold):
    second = [number for number, event in enumerate(OVER) if event["kind"] == "validation"][1]
    run = write(home, "going", OVER[:second])
    with hold(run.lock_path):
        plot, note, *_ = drawn(run)
    assert "validation" not in plot.color_map and "Validation loss is 4.50 at step 0; its line begins" in note.value
    _, note, *_ = drawn(run)
    assert "Validation loss is 4.50 at step 0." in note.value
    plot, note, *_ = drawn(write(home, "both", OVER[: second + 1], hour=1))
    assert "validation" in plot.color_map and "Validation" not in note.value


def test_a_run_without_held_out_conversations_shows_no_accuracy(home: Path):
    *plots, values = drawn(write(home, "alone", events_of(flat, None)))[3:]
    shown = {each.title: plot.visible for each, plot in zip(run_charts.MEASURES, plots, strict=True)}
    assert shown.pop("Token accuracy (%)") is False and set(shown.values()) == {True}
    assert "Token accuracy" not in values and "Validation loss" not in values and "Gradient norm" in values


def test_a_long_run_is_drawn_with_a_few_hundred_points_and_with_its_peaks(home: Path):
    events = events_of(flat, flat, steps=20_000, every=1000)
    peak = next(event for event in events if event.get("step") == 12_345)
    peak["loss"] = 9.0
    plots = [each for each in drawn(write(home, "long", events)) if isinstance(each, gr.LinePlot)]
    assert all(len(frame(plot)) <= 3 * run_charts.POINTS for plot in plots)
    assert [12_345, 9.0, "training"] in [list(row) for row in frame(plots[0])]


def test_the_table_has_the_values_of_the_charts_with_their_units():
    table = run_values.table(Curves.of(OVER))
    assert table.count("<tr>") == run_values.ROWS + 1
    for word in ("0.25", "2.0 GB", "80.0%", "Learning rate"):
        assert word in table
    assert run_values.table(Curves()) == ""


def test_what_a_run_did_is_said_without_a_hint_and_the_hint_is_in_the_advice(home: Path):
    figures = summary(write(home, "over", OVER))
    assert "Try" not in run_words.outcome(figures, OVER)
    head, place, text, attempt, start, *rest = run_advice.show(figures)
    assert "over-fitting" in text and attempt.value == "Try it: epochs 1 instead of 3"
    assert head.visible and place.visible and start.visible and not rest[0].visible
    assert len([head, place, text, attempt, start, *rest]) == 1 + 4 * run_advice.MOST


def test_where_nothing_is_to_be_changed_that_is_said_once_it_has_finished(home: Path):
    good = events_of(lambda epoch: 2 + 2 * 0.05**epoch, lambda epoch: 2.1 + 2 * 0.05**epoch)
    ended, going = write(home, "ended", good), write(home, "going", good[:-1], hour=1)
    head = run_advice.show(summary(ended))[0]
    assert head.visible and "No change suggested" in head.value
    assert run_advice.show(summary(going))[0].visible is False


@pytest.mark.parametrize("preset", PRESETS, ids=[each.name for each in PRESETS])
def test_the_form_is_filled_by_the_preset_that_is_closest(preset):
    assert run_advice.closest(preset.config) == preset.name
    assert run_advice.closest(preset.config.with_settings({"learning_rate": 3e-4})) == preset.name


@pytest.fixture
def advised(home: Path) -> Run:
    """A run on the sample, which is a dataset, with an advice."""
    save(stage([sample_file()]), "sample")
    return write(home, "over", OVER, TrainConfig(learning_rate=7e-4, lora_rank=12))


def test_trying_an_advice_fills_the_form_with_the_run_s_settings_and_its_change(advised: Run):
    form, dataset, run, tabs, _ = run_advice.attempt(0, advised.id, {})
    model, _, _, *settings = train_form.restored(form)
    filled = dict(zip([each.name for each in SETTINGS], settings, strict=True))
    assert (model, dataset, run, tabs.selected) == (advised.config.train.model, "sample", "", "train")
    assert (filled["epochs"], filled["learning_rate"], filled["lora_rank"]) == (1.0, 7e-4, 12)
    assert run_advice.attempt(0, advised.id, form)[0] != form  # so that the page sees another value


def test_starting_an_advice_starts_a_run_with_its_change(advised: Run, hold):
    with hold(places.locks_dir() / f"{device.describe().key}.lock"):
        dataset, run_id, _, _ = run_advice.start(0, advised.id)
        run = directory.find(run_id)
        assert status(run).live and dataset == "sample"
        launch.stop(run)
        deadline = time.monotonic() + 60
        while status(run).live and time.monotonic() < deadline:
            time.sleep(0.1)
    assert status(run).state == "stopped"
    assert run.config.train == advised.config.train.with_settings({"epochs": 1.0})
    assert (run.config.dataset, run.config.version) == ("sample", "v1")


@pytest.mark.parametrize("number", [1, 2])
def test_an_advice_that_no_longer_stands_or_a_dataset_that_is_gone_is_refused_in_words(advised: Run, number: int):
    *untouched, alert = run_advice.attempt(number, advised.id, {})
    assert set(map(repr, untouched)) == {SKIP} and "no longer stands" in str(alert)
    other = write(places.runs_dir().parent, "gone", OVER, dataset="gone")
    *untouched, alert = run_advice.start(0, other.id)
    assert set(map(repr, untouched)) == {SKIP} and "no dataset of that name" in str(alert)
    assert len(versions.list_datasets()) == 1


def test_what_is_asked_before_a_run_is_deleted_stays_while_the_run_is_drawn_again_and_goes_with_the_run(home: Path):
    one, other = (write(home, name, events_of(lambda epoch: 4 - epoch, None, steps=4)) for name in ("one", "two"))

    def question(wanted: str, shown: str | None) -> list[Any]:
        """The updates of Delete, "Yes, delete it for good", "Keep it" and of what was refused."""
        updates = runs.show(Reader(), True, wanted, shown, [])
        place = len(updates) - len(run_view.show(wanted, reader=Reader())) - 4
        return list(updates[place : place + 4])

    assert question(one.id, one.id) == [gr.skip()] * 4
    *buttons, refusal = question(other.id, one.id)
    assert [button.visible for button in buttons] == [True, False, False] and refusal == alerts.hidden()
