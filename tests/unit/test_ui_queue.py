"""The runs that wait, on the page and on the command line: shown while there are any, moved, cancelled."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from ft import cli
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.dataset.versions import Version
from ft.runs import directory, events
from ft.runs.directory import Run
from ft.runs.queue import trial_lock
from ft.runs.status import status
from ft.ui import api, runs_queue, train, train_form

OUTPUTS = ("box", "head", "chosen", "up", "down", "first", "problem", "seen")


@pytest.fixture
def runs(home: Path, hold) -> Iterator[list[Run]]:
    """One run that has the device, and three that wait for it."""
    made = [directory.create(Version("sample", "v1", home), TrainConfig()) for _ in range(4)]
    with ExitStack() as stack:
        for number, run in enumerate(made):
            events.append(run, "launched")
            if number:
                events.append(run, "waiting", behind=made[0].id, before=number - 1)
            else:
                events.append(run, "preparing")
            stack.enter_context(hold(run.lock_path))
        yield made


def page(updates: tuple[Any, ...]) -> dict[str, Any]:
    assert len(updates) == len(OUTPUTS)
    view = dict(zip(OUTPUTS, updates, strict=True))
    return {
        **view,
        "shown": view["box"].visible,
        "order": [value for _, value in view["chosen"].choices],
        "chosen": view["chosen"].value,
        "refused": view["problem"]["value"] if view["problem"]["visible"] else "",
    }


def ids(runs: list[Run], *order: int) -> list[str]:
    return [runs[each].id for each in order]


def queue(capsys, *words: str) -> tuple[int, str]:
    status_code = cli.main(["queue", *words])
    return status_code, capsys.readouterr().out


def test_nothing_is_shown_where_no_run_waits(home: Path):
    run = directory.create(Version("sample", "v1", home), TrainConfig())
    events.append(run, "launched")  # the device is free: it only starts
    view = page(runs_queue.show(None))
    assert not view["shown"] and view["seen"] == ""


def test_the_line_is_shown_in_its_order_with_who_has_the_device_and_sent_once(runs):
    view = page(runs_queue.tick(None, ""))
    assert view["shown"] and view["order"] == ids(runs, 1, 2, 3) and view["chosen"] == runs[1].id
    assert f"“{runs[0].name}” is using it." in view["head"]
    assert runs_queue.tick(runs[1].id, view["seen"]) == gr.skip()
    assert page(runs_queue.tick(runs[1].id, "other"))["order"] == ids(runs, 1, 2, 3)


def test_the_form_says_for_whom_a_run_would_wait_until_nobody_is_ahead_of_it(home: Path, hold):
    asked = train_form.filled("cpu", DEFAULT_MODEL)[1:]
    form = [DEFAULT_MODEL, "cpu", *asked]
    run = directory.create(Version("sample", "v1", home), TrainConfig())
    events.append(run, "launched")
    events.append(run, "preparing")
    assert not train.ahead_differs("", *form)
    with hold(run.lock_path):
        assert train.ahead_differs("", *form)
        line, drawn = train.show_ahead(*form)
        assert line.visible and f"“{run.name}” is going on: this run waits until it ends." in line.value
        assert not train.ahead_differs(drawn, *form)
        directory.rename(run, "shorter")
        assert train.ahead_differs(drawn, *form)
    assert train.ahead_differs(drawn, *form)
    line, drawn = train.show_ahead(*form)
    assert not line.visible and drawn == ""
    assert not train.ahead_differs("", "nowhere", *form[1:])


def test_a_moved_run_stays_chosen(runs):
    view = page(runs_queue.move("first", runs[3].id))
    assert (view["order"], view["chosen"]) == (ids(runs, 3, 1, 2), runs[3].id)
    view = page(runs_queue.move("down", view["chosen"]))
    assert (view["order"], view["chosen"]) == (ids(runs, 1, 3, 2), runs[3].id)


def test_a_cancelled_run_leaves_the_list_and_the_next_is_chosen(runs):
    view = page(runs_queue.cancel(runs[1].id))
    assert (view["order"], view["chosen"]) == (ids(runs, 2, 3), runs[2].id)
    assert view["up"].visible
    assert status(runs[1]).state == "stopping"
    assert not page(runs_queue.cancel(runs[2].id))["up"].visible  # one alone can go nowhere


@pytest.mark.parametrize("gone", [None, "no-such-run", "running"])
def test_a_run_that_waits_no_more_is_told_and_left_alone(runs, gone):
    chosen = runs[0].id if gone == "running" else gone
    for view in (page(runs_queue.cancel(chosen)), page(runs_queue.move("up", chosen))):
        assert view["refused"] and view["order"] == ids(runs, 1, 2, 3)
    assert not runs[0].stop_path.exists()


def test_a_script_lists_the_line_and_moves_a_run(runs, capsys):
    listed = api.queue()
    assert listed["using"] == [runs[0].id]
    assert [(each["run"], each["place"]) for each in listed["waiting"]] == [(runs[n].id, n) for n in (1, 2, 3)]
    assert json.loads(queue(capsys, "--json")[1]) == listed
    moved = api.move(runs[2].id, "up")
    assert [each["run"] for each in moved["waiting"]] == ids(runs, 2, 1, 3)
    code, printed = queue(capsys, runs[3].id, "--first", "--json")
    assert code == 0 and [each["run"] for each in json.loads(printed)["waiting"]] == ids(runs, 3, 2, 1)
    with pytest.raises(gr.Error, match="it is preparing: it does not wait"):
        api.move(runs[0].id, "first")
    with pytest.raises(gr.Error, match="direction 'left'"):
        api.move(runs[1].id, "left")


def test_the_command_line_says_who_waits_and_refuses_half_a_move(runs, capsys):
    _, printed = queue(capsys)
    assert f"{runs[0].title} has the device." in printed
    assert [line.split()[:2] for line in printed.splitlines()[2:5]] == [[str(n), runs[n].id] for n in (1, 2, 3)]
    for words in ([runs[1].id], ["--up"], [runs[1].id, "--up", "--down"]):
        with pytest.raises(SystemExit) as ended:
            queue(capsys, *words)
        assert ended.value.code == 2
    assert queue(capsys, runs[0].id, "--first")[0] == 1


def test_an_empty_line_is_said(home: Path, capsys):
    assert queue(capsys) == (0, "No run has the device.\nNo run waits for it.\n")
    assert json.loads(queue(capsys, "--json")[1]) == {"using": [], "trials": [], "waiting": []}


def test_a_trial_that_others_wait_for_is_named_and_the_page_is_told_when_it_ends(home: Path, capsys, hold):
    run = directory.create(Version("sample", "v1", home), TrainConfig())
    events.append(run, "launched")
    events.append(run, "waiting", behind="a trial")
    with hold(run.lock_path):
        with trial_lock("toy"):
            view = page(runs_queue.show(None))
            assert "A trial is using it." in view["head"]
            assert "A trial has the device." in queue(capsys)[1]
            assert api.queue()["trials"] == ["toy"] and api.queue()["using"] == []
        assert "A trial" not in page(runs_queue.tick(run.id, view["seen"]))["head"]
