"""A run has a name of its own, given or made for it, and people meet it wherever a run is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from filelock import FileLock
from synthetic_runs import events_of, write

from ft.cli import main
from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.runs import deletion, directory, events, names, queue
from ft.runs.compare import compare, told
from ft.runs.directory import Run
from ft.runs.overview import overview
from ft.runs.reader import Reader
from ft.runs.status import status, summary
from ft.ui import api, chat_choice, chat_events, run_compare, run_compare_words, run_rename, run_view, runs, runs_queue

MARKUP = '<img src=x onerror=alert(1)> & "q"'
OVER = events_of(lambda epoch: 4 - epoch, lambda epoch: 4 - epoch, steps=40)


def new(home: Path, dataset: str = "persona", name: str = "") -> Run:
    return directory.create(Version(dataset, "v1", home), TrainConfig(), name)


def test_a_run_that_is_given_no_name_is_called_by_its_dataset_and_a_number_that_no_other_had(home: Path):
    first, other, second = new(home), new(home, "persona-2"), new(home)
    assert [run.name for run in (first, other, second)] == ["persona 1", "persona-2 1", "persona 2"]
    directory.rename(first, "persona 7")
    assert new(home).name == "persona 8"
    events.append(first, "stopped", step=0)
    deletion.delete(first)
    assert new(home).name == "persona 9"


def test_a_dataset_with_a_long_name_gives_short_names_that_differ(home: Path):
    called = [new(home, "d" * 64).name for _ in range(3)]
    assert len(set(called)) == 3 and max(map(len, called)) <= names.LONGEST


@pytest.mark.parametrize(
    ("run_id", "name"),
    [("20261128-141708-my-chats-097d", "my-chats 097d"), ("20260101-sample-ffff", "20260101-sample-ffff"), ("x", "x")],
)
def test_a_run_that_was_made_before_runs_had_names_is_called_by_what_its_id_says(home: Path, run_id: str, name: str):
    assert Run(home / "runs" / run_id).name == name


@pytest.mark.parametrize("kept", [b"", b"\xff\xfe\0", b"\n\n", b"x" * 10_000_000, "\u202eabc\x1b[2J".encode(), None])
def test_whatever_lies_in_the_file_of_a_name_a_run_has_one_that_can_be_shown(home: Path, kept: bytes | None):
    run = write(home, "old1", OVER)
    run.name_path.mkdir() if kept is None else run.name_path.write_bytes(kept)
    assert 0 < len(run.name) <= names.LONGEST and run.name.isprintable()
    assert "\u202e" not in run.name and overview().summaries[0]["name"] == run.name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("  shorter \n replies\t2 ", "shorter replies 2"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("\u202eabc\u202c\u2066d\u2069", "abcd"),
        ("a\u2028b\u0085c", "a b c"),
        ("half \ud800 of one", "half of one"),
        ("Ŷ 한국어 עברית 👩‍🚀", "Ŷ 한국어 עברית 👩‍🚀"),
        ("x" * 60, "x" * 60),
    ],
)
def test_a_name_is_one_line_without_what_steers_a_terminal_or_turns_the_text_around_it(home: Path, given, name):
    assert new(home, name=given).name == name
    run = new(home)
    directory.rename(run, given)
    assert run.name == name


@pytest.mark.parametrize(("given", "why"), [("x" * 61, "61 characters"), ("\x00\u202e", "empty")])
def test_a_name_that_cannot_be_used_is_refused_in_words_and_leaves_no_run(home: Path, given: str, why: str):
    with pytest.raises(UserError, match=why):
        new(home, name=given)
    assert directory.list_runs() == []
    run = new(home)
    with pytest.raises(UserError, match=why):
        directory.rename(run, given)
    assert run.name == "persona 1"


def by_command_line(run: Run, name: str) -> None:
    assert main(["rename", run.id, name]) == 0


def by_api(run: Run, name: str) -> None:
    assert api.rename(run.id, name)["name"] == name


def by_page(run: Run, name: str) -> None:
    box, said, alert = run_rename.rename(run.id, name)
    assert box == "" and escape(name) in said and alert["visible"] is False


@pytest.mark.parametrize("rename", [by_command_line, by_api, by_page])
def test_a_run_gets_another_name_and_keeps_its_id(home: Path, rename: Callable[[Run, str], None]):
    run = write(home, "old1", OVER)
    before = run.config
    rename(run, MARKUP)
    assert run.name == MARKUP and run.config == before and directory.find(run.id) == run


def test_a_name_that_is_too_long_is_refused_where_it_is_typed(home: Path, capsys):
    run = write(home, "old1", OVER)
    assert main(["rename", run.id, "x" * 61]) == 1 and "61 characters" in capsys.readouterr().err
    with pytest.raises(gr.Error, match="61 characters"):
        api.rename(run.id, "x" * 61)
    assert "61 characters" in run_rename.rename(run.id, "x" * 61)[2]["value"]


def test_whoever_gives_a_name_where_an_id_is_asked_for_is_told_the_id(home: Path):
    run = new(home, name="shorter")
    with pytest.raises(UserError, match=f"that is a name, and not an id.*{run.id}"):
        directory.find("shorter")


def test_a_run_is_named_as_it_is_started(home: Path, capsys):
    save(stage([sample_file()]), "sample")
    assert main(["train", "sample", "--name", "from the terminal", "--prepare", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "from the terminal"
    for call in (lambda: api.train("sample", name="x" * 61), lambda: api.train("sample", {"gpus": "99"}, "", "y")):
        with pytest.raises(gr.Error):
            call()
    assert [run.name for run in directory.list_runs()] == ["from the terminal"]


def command(*words: str) -> Callable[[Run, Run, Any], str]:
    """What the command line prints; A and B stand for the ids of the two runs."""

    def shown(one: Run, other: Run, capsys: Any) -> str:
        assert main([{"A": one.id, "B": other.id}.get(word, word) for word in words]) == 0
        return str(capsys.readouterr().out)

    return shown


def page(draw: Callable[[Run, Run], Any]) -> Callable[[Run, Run, Any], str]:
    def shown(one: Run, other: Run, _: Any) -> str:
        found = draw(one, other)
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)

    return shown


def comparison(one: Run, other: Run) -> Any:
    return compare([told(run, Reader()) for run in (one, other)])


def quoted(name: str) -> str:
    return json.dumps(name)[1:-1]


PLAIN = {
    "runs": command("runs"),
    "one run": command("runs", "A"),
    "compare": command("compare", "A", "B"),
    "rename": command("rename", "B", "another"),
    "status": page(lambda one, other: status(other).message),
}
JSON = {
    "runs": command("runs", "--json"),
    "one run": command("runs", "A", "--json"),
    "compare": command("compare", "A", "B", "--json"),
    "API runs": page(lambda *_: api.runs()),
    "API run": page(lambda one, _: api.run(one.id)),
    "API compare": page(lambda one, other: api.compare([one.id, other.id])),
    "choice of a run": page(lambda *_: run_rename.choices(overview())),
    "choice to compare": page(lambda *_: run_compare._choices(overview().summaries)),
    "choice to chat": page(lambda *_: chat_choice.run_choices(directory.list_runs())),
    "title of the chat": page(lambda one, _: chat_events._tuned_label(one, "checkpoint-3")),
    "legend": page(lambda one, _: run_compare_words.series("A", one.name)),
}
HTML = {
    "table of runs": page(lambda *_: runs._table(overview())),
    "head": page(lambda one, _: run_view.show(one.id, reader=Reader())[1].value),
    "comparison": page(lambda one, other: run_compare_words.tables(comparison(one, other))),
    "renamed": page(lambda one, _: run_rename.rename(one.id, one.name)[1]),
}
SHOWN = [
    *((f"plain: {where}", show, str) for where, show in PLAIN.items()),
    *((f"JSON: {where}", show, quoted) for where, show in JSON.items()),
    *((f"HTML: {where}", show, escape) for where, show in HTML.items()),
]


@pytest.mark.parametrize(("show", "written"), [each[1:] for each in SHOWN], ids=[each[0] for each in SHOWN])
def test_the_name_is_shown_wherever_a_run_is_as_text(home: Path, capsys, show, written):
    one, other = write(home, "aaaa", OVER), write(home, "bbbb", OVER, hour=1)
    name = "<b>bold</b> & co"
    directory.rename(one, name)
    events.append(other, "launched")
    events.append(other, "waiting", behind=one.id)
    with FileLock(other.lock_path):
        text = show(one, other, capsys)
    if show is PLAIN["rename"]:
        assert "another" in text and other.id in text
        return
    assert written(name) in text
    assert written is not escape or "<b>" not in text


def test_the_line_of_those_who_wait_is_one_of_names(home: Path, hold, capsys):
    using, waiting = new(home, name="<i>first</i>"), new(home, name="<i>second</i>")
    for run, kind in ((using, "started"), (waiting, "waiting")):
        events.append(run, "launched")
        events.append(run, kind)
    with hold(using.lock_path), hold(waiting.lock_path):
        now = queue.line()
        assert queue.as_json(now)["waiting"][0]["name"] == waiting.name
        assert api.queue()["waiting"][0]["name"] == waiting.name
        assert main(["queue"]) == 0
        printed = capsys.readouterr().out
        assert using.name in printed and waiting.name in printed
        head, choice = runs_queue.show(None, now=now)[1:3]
        assert escape(using.name) in head and "<i>" not in head
        assert waiting.name in choice.choices[0][0]


def test_two_runs_of_one_name_can_be_told_apart_where_one_is_chosen(home: Path):
    one, other = write(home, "aaaa", OVER), write(home, "bbbb", OVER, hour=1)
    for run in (one, other):
        directory.rename(run, "nightly")
    for choices in (
        run_rename.choices(overview()),
        chat_choice.run_choices([one, other]),
        run_compare._choices(overview().summaries),
    ):
        titles = [title for title, _ in choices]
        assert len(set(titles)) == 2 and all(run_id in title for title, run_id in choices)
    assert run_compare_words.series("A", one.name) != run_compare_words.series("B", other.name)


def test_a_view_of_a_run_that_somebody_else_renames_is_brought_up_to_date(home: Path):
    run, reader = write(home, "aaaa", OVER), Reader()
    seen = run_view.show(run.id, reader=reader)[-1]
    assert repr(run_view.tick(reader, run.id, seen, True)) == repr(gr.skip())
    directory.rename(run, "another")
    assert "another" in run_view.tick(reader, run.id, seen, True)[1].value


def test_somebody_who_looks_at_runs_over_and_over_sees_what_changes_of_one_that_has_ended(home: Path):
    run, reader = write(home, "aaaa", OVER), Reader()
    assert reader.summary(run)["adapter"] is None
    directory.rename(run, "another")
    assert reader.summary(run)["name"] == "another"
    run.adapter.mkdir()
    assert reader.summary(run) == summary(run) and reader.summary(run)["adapter"]
