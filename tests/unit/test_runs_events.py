"""events.jsonl: what was written whole is read back, whatever a killed process left behind it."""

from pathlib import Path

import pytest

from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.runs import directory, events
from ft.runs.curves import Curves
from ft.runs.directory import Run
from ft.runs.line import line, wanted_devices
from ft.runs.status import status


@pytest.fixture
def run(home: Path) -> Run:
    return directory.create(Version("sample", "v1", home), TrainConfig())


def tear(run: Run, begun: bytes = b'{"time": 1, "kind": "ste') -> None:
    """Leave what a process leaves that is killed in the middle of a line."""
    with run.events_path.open("ab") as file:
        file.write(begun)


def kinds(run: Run) -> list[str]:
    return [event["kind"] for event in events.read(run)]


def test_a_run_to_which_nothing_has_happened_has_no_events(run: Run):
    assert events.read(run) == []


def test_a_torn_last_line_is_left_out_and_swallows_no_event_after_it(run: Run):
    events.append(run, "launched")
    tear(run)
    assert kinds(run) == ["launched"]
    events.append(run, "started", steps=3)
    events.append(run, "step", step=1)
    assert kinds(run) == ["launched", "started", "step"]


@pytest.mark.parametrize("begun", [b"\x00" * 64, b"\xff\xfe{", b"[1, 2]\n", b'{"no": "kind"}\n', b"7\n", b"\n"])
def test_a_line_that_is_no_event_is_left_out(run: Run, begun: bytes):
    tear(run, begun)
    events.append(run, "launched")
    assert kinds(run) == ["launched"]


def test_a_torn_character_is_a_torn_line(run: Run):
    tear(run, '{"time": 1, "kind": "é'.encode()[:-1])
    events.append(run, "launched")
    assert kinds(run) == ["launched"]


def test_who_follows_gets_each_event_once_and_a_line_when_it_is_whole(run: Run):
    events.append(run, "launched")
    found, offset = events.read_from(run, 0)
    assert [event["kind"] for event in found] == ["launched"]
    tear(run, b'{"time": 1, "kind"')
    assert events.read_from(run, offset) == ([], offset)
    tear(run, b': "started"}\n')
    found, offset = events.read_from(run, offset)
    assert [event["kind"] for event in found] == ["started"]
    assert events.read_from(run, offset) == ([], offset)


def test_text_of_any_kind_comes_back_as_it_was(run: Run):
    text = 'two\nlines\r\u2028 "quoted" \x00 é 漢 \U0001f600 '
    events.append(run, "preparing", what=text + "\ud800")
    events.append(run, "launched")
    assert events.read(run)[0]["what"] == text + "?"  # half of a character can be sent to no page
    assert kinds(run) == ["preparing", "launched"]


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), float("-inf")])
def test_a_figure_that_json_cannot_hold_becomes_null(run: Run, figure: float):
    events.append(run, "step", step=1, loss=figure, grad_norm=1.5)
    (event,) = events.read(run)
    assert event["loss"] is None and event["grad_norm"] == 1.5
    assert b"NaN" not in run.events_path.read_bytes() and b"Infinity" not in run.events_path.read_bytes()


def test_a_chart_has_one_row_a_step_and_after_a_resume_the_later_figure():
    found = [
        {"kind": "validation", "step": 0, "loss": 4.0},
        {"kind": "step", "step": 1, "loss": 3.0},
        {"kind": "step", "step": 2, "loss": 2.0},
        {"kind": "step", "step": 3, "loss": 1.0},
        {"kind": "started", "step": 1, "resumed_from": 1},
        {"kind": "step", "step": 2, "loss": 2.5},
        {"kind": "validation", "step": 2, "loss": 2.4},
    ]
    curves = Curves.of(found)
    assert [(event["step"], event["loss"]) for event in curves.validations()] == [(0, 4.0), (2, 2.4)]
    assert curves.points("loss") == [(1, 3.0), (2, 2.5)]


@pytest.mark.parametrize(("step", "left"), [(0, ["validation", "probe"]), (4, ["validation", "probe", "validation"])])
def test_what_a_run_does_again_stands_once(step: int, left: list[str]):
    first = [{"kind": "started", "step": 0}, {"kind": "validation", "step": 0}, {"kind": "probe", "step": 0}]
    later = [{"kind": "step", "step": 4}, {"kind": "validation", "step": 4}, {"kind": "step", "step": 5}]
    again = [{"kind": "started", "step": step, "resumed_from": step or None}, *(first[1:] if not step else [])]
    found = events.standing([*first, *later, *again])
    assert [each["kind"] for each in found if each["kind"] in ("validation", "probe")] == left
    assert [each["step"] for each in found if each["kind"] == "step"] == ([4] if step else [])


def test_a_chart_leaves_out_a_loss_that_was_not_a_number():
    found = [{"kind": "step", "step": 1, "loss": None}, {"kind": "step", "step": 2, "loss": 2.0}]
    curves = Curves.of(found)
    assert curves.points("loss") == [(2, 2.0)] and curves.validations() == []


def test_what_is_kept_of_a_long_run_is_what_its_whole_events_say(run: Run):
    """At each moment: with steps in a row, with words between them, after it went on from a checkpoint."""
    told = ["launched", "started", "step", "step", "doing", "step", "doing", "doing", "checkpoint", "step", "stopped"]
    told += ["launched", "started", "step", "step", "validation", "step"]
    for step, kind in enumerate(told):
        more = {"steps": 99} if kind == "started" else {"memory_bytes": 1000 - step} if kind == "step" else {}
        events.append(run, kind, step=step, **more)
        kept = events.read_compact(run)
        assert kept == Curves.of(events.read(run)).told
        assert status(run, kept) == status(run, events.read(run)) == status(run)
    assert [event["kind"] for event in kept].count("step") == 4 and kept[-1]["memory_bytes"] == 1000 - step


@pytest.mark.parametrize("told", [0, 1, 5])
def test_who_asks_for_the_state_again_reads_only_what_was_told_since(run: Run, told: int, monkeypatch):
    events.append(run, "launched")
    for step in range(1, 200):
        events.append(run, "step", step=step)
    line(), status(run), wanted_devices(events.read_compact(run))
    read: list[object] = []
    monkeypatch.setattr(events, "usable", lambda event: read.append(event) or event)
    for step in range(200, 200 + told):
        events.append(run, "step", step=step)
    line(), status(run), status(run), run.stop_path.touch(), line()
    assert len(read) == told


def test_another_file_under_the_same_name_is_read_from_its_beginning(run: Run):
    events.append(run, "launched")
    events.append(run, "failed", given="a", why="b", todo="c")
    assert status(run).state == "failed"
    other = run.events_path.read_bytes().replace(b"failed", b"stopped") + b'{"time": 9, "kind": "launched"}\n'
    run.events_path.write_bytes(other)
    assert [event["kind"] for event in events.read_compact(run)] == ["launched", "stopped", "launched"]
    run.events_path.unlink()
    assert events.read_compact(run) == []


def test_what_somebody_was_given_stays_as_it_was(run: Run):
    events.append(run, "launched")
    given = events.read_compact(run)
    before = list(given)
    events.append(run, "step", step=1)
    assert events.read_compact(run) != before and given == before
