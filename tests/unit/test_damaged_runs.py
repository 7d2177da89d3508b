"""One damaged run hides nothing else: every list goes on around it and names it, and it can be deleted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from answers import refused, said
from run_damage import NAMED, TOLERATED, WHOLE, Damage, folder
from synthetic_runs import write

from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.errors import UserError
from ft.runs import compare, deletion, directory, events, launch, queue
from ft.runs.curves import Curves
from ft.runs.directory import Run
from ft.runs.overview import overview
from ft.runs.reader import Reader
from ft.runs.status import status, summary
from ft.ui import api, chat_choice, chat_events, chat_keep, run_advice, run_compare, run_view, runs, runs_queue, train
from ft.ui.chat_reply import Talk


@pytest.fixture
def good(home: Path) -> Run:
    save(stage([sample_file()]), "sample")
    made = write(home, "good", WHOLE)
    made.adapter.mkdir()
    (made.adapter / "adapter_model.safetensors").write_bytes(b"weights")
    write(home, "better", WHOLE, hour=1)
    return made


def damaged(home: Path, damage: Damage) -> Run:
    run = write(home, "bad", WHOLE, hour=2)
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(b"weights")
    damage(run)
    return run


@pytest.mark.parametrize("name", [*TOLERATED, *NAMED])
def test_a_damaged_run_hides_no_other_and_is_named(home: Path, good: Run, name: str, capsys):
    better = directory.find("latest")
    before = summary(good), drawn(good), compare.compare(both(good, better)).as_json()
    bad = damaged(home, {**TOLERATED, **NAMED}[name])
    assert (summary(good), drawn(good), compare.compare(both(good, better)).as_json()) == before

    known = [run.id for run in directory.list_runs()]
    assert (bad.id in known) == (name in TOLERATED) and set(known) - {bad.id} == {good.id, better.id}
    listed = {each["run"]: each for each in overview().as_json()}
    assert listed.keys() == {good.id, better.id, bad.id} and listed[good.id] == before[0]
    assert (listed[bad.id]["status"] == "damaged") == (name in NAMED)
    if name in NAMED:
        assert bad.id in listed[bad.id]["message"] and "damaged" in listed[bad.id]["message"]
        assert listed[bad.id].keys() == listed[good.id].keys()

    assert {each["run"] for each in json.loads(orjson.dumps(api.runs()))} == listed.keys()
    assert api.run(good.id)["run"] == good.id and api.queue() == {"using": [], "trials": [], "waiting": []}
    assert api.compare([good.id, better.id]) == before[2]
    for ask in (api.run, lambda id: api.compare([good.id, id]), api.stop, lambda id: api.move(id, "first")):
        orjson.dumps(refused(lambda ask=ask: ask(bad.id)))
    for words in (["runs"], ["runs", "--json"]):
        printed = said(capsys, *words)
        assert good.id in printed and bad.id in printed
    for words in (["runs", good.id], ["compare", good.id, better.id], ["queue"], ["runs", bad.id]):
        assert said(capsys, *words)


def both(*runs: Run) -> list[compare.Told]:
    reader = Reader()
    return [compare.told(run, reader) for run in runs]


def drawn(run: Run) -> Any:
    return Curves.of(events.read(run)).points("loss"), status(run), queue.line().waiting


def states(tab: Sequence[Any]) -> dict[str, str]:
    """What the table on the Runs tab says of each run."""
    return dict(re.findall(r'data-run="([^"]*)".*?data-label="State">([^<]*)<', tab[2]))


@pytest.mark.parametrize("name", [*TOLERATED, *NAMED])
def test_every_page_goes_on_around_a_damaged_run_and_deletes_it(home: Path, good: Run, name: str):
    bad, reader = damaged(home, {**TOLERATED, **NAMED}[name]), Reader()
    rows = states(runs.arrive(reader, "", good.id, None, []))
    assert rows.keys() == {bad.id, good.id, directory.find("20261120-11").id}
    assert rows[good.id] == "Finished" and (rows[bad.id] == "Damaged") == (name in NAMED)
    assert states(runs.tick(reader, 0, True, good.id, [], "")) == rows
    for run in (good, bad):
        seen = run_view.show(run.id, reader=reader)[-1]
        run_view.tick(reader, run.id, seen, True)
        run_view.draw(reader, run.id)
        train.arrive(reader, run.id, "", {})
        assert runs.arrive(reader, f"{good.id},{run.id}", "", None, [])[3].visible
        run_compare.show(reader, [good.id, run.id], "validation")
        run_compare.show(reader, [good.id, run.id], "training")
        runs_queue.show(run.id)
        run_advice.attempt(0, run.id, {})
        chat_events.choose(run.id, good.id, "best", {}, Talk())
        chat_keep.datasets(run.id)
        chat_choice.note(run.id, good)
    assert good.id in [run.id for run in chat_choice.runs()]
    if name in NAMED:
        alert = next(each for each in run_view.show(bad.id, reader=reader) if "alert" in str(each))
        assert bad.id in str(alert) and "damaged" in str(alert)

    gone, *after = runs.remove(reader, bad.id, [])
    assert gone == "" and bad.id not in states(after) and good.id in states(after)
    assert not bad.path.exists() and not list(bad.path.parent.glob(".*")) and good.path.exists()


def test_a_damaged_run_that_a_process_works_on_is_not_deleted(home: Path, good: Run, hold):
    bad = damaged(home, NAMED["events that are a folder"])
    with hold(bad.lock_path), pytest.raises(UserError, match="Stop it first"):
        deletion.delete(bad)
    deletion.delete(bad)


@pytest.mark.parametrize("name", ["stop", "place"])
def test_a_run_with_a_folder_in_the_place_of_a_mark_is_started_and_moved_all_the_same(home: Path, good: Run, name: str):
    folder(name)(good)
    launch.announce(good, [])
    assert not (good.path / name).exists() and status(good).state == "queued"
    late = directory.find("latest")
    launch.announce(late, [])
    folder("place")(late)
    assert [each.run for each in queue.move(late, "first").waiting] == [late, good]


LISTED = """
import json, os
from ft.runs import queue
from ft.runs.overview import overview
from ft.ui import chat_choice, runs
from ft.runs.reader import Reader
os.setuid(65534)
runs.arrive(Reader(), "", "", None, []), chat_choice.runs(), queue.line()
print(json.dumps({each["run"]: each["status"] for each in overview().as_json()}))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_what_another_user_may_not_read_hides_nothing(home: Path, good: Run):
    """As after a start as root: a folder, a config and events of another user, each only for that one."""
    closed, secret, silent = (write(home, name, WHOLE, hour=hour) for hour, name in enumerate(("a", "b", "c"), 3))
    closed.path.chmod(0o700)
    (secret.path / "config.json").chmod(0o600)
    silent.events_path.chmod(0o600)
    (good.adapter / "adapter_model.safetensors").chmod(0o600)
    good.adapter.chmod(0o700)
    for parent in [home, *home.parents][:5]:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(0o711)
    done = subprocess.run([sys.executable, "-c", LISTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    states = json.loads(done.stdout)
    assert states.pop(good.id) == "finished"
    assert [states[run.id] for run in (closed, secret, silent)] == ["damaged"] * 3
