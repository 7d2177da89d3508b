"""sidetune compare, and the advice that sidetune runs RUN shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from synthetic_runs import events_of, write

from ft.cli import main
from ft.cli.arguments import parser
from ft.config import TrainConfig
from ft.runs.directory import Run

OVER = events_of(lambda epoch: 4.5 / (1 + epoch), lambda epoch: 4.5 - 2 * epoch if epoch <= 1 else 2 + epoch / 2)
GOOD = events_of(lambda epoch: 2 + 2 * 0.05**epoch, lambda epoch: 2.1 + 2 * 0.05**epoch)


@pytest.fixture
def runs(home: Path) -> list[Run]:
    return [write(home, "over", OVER), write(home, "good", GOOD, TrainConfig(learning_rate=5e-4), hour=1)]


def test_compare_prints_json_for_a_script_with_the_best_named(runs, capsys):
    assert main(["compare", runs[0].id, "latest", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["best"] == runs[1].id and document["ranked"] and [each["run"] for each in document["runs"]]
    assert document["differences"] == {"learning_rate": {runs[0].id: 1e-3, runs[1].id: 5e-4}}


def test_compare_prints_the_best_first_for_a_person_and_what_differs(runs, capsys):
    assert main(["compare", *(run.id for run in runs)]) == 0
    said = capsys.readouterr().out
    assert said.index("sample-good") < said.index("sample-over") and "What differs" in said and "0.0005" in said


def test_compare_says_why_it_does_not_rank(home, runs, capsys):
    other = write(home, "other", GOOD, dataset="other", hour=2)
    assert main(["compare", runs[1].id, other.id]) == 0
    assert "other v1 and sample v1 cannot be read any more" in capsys.readouterr().out


@pytest.mark.parametrize(("given", "said"), [(["latest", "latest"], "2 to 8"), (["latest", "gone"], "no such run")])
def test_compare_refuses_what_it_cannot_compare(runs, capsys, given, said):
    assert main(["compare", *given, "--json"]) == 1
    assert said in " ".join(json.loads(capsys.readouterr().out)["error"].values())


def test_runs_shows_the_advice_with_the_options_that_follow_it(runs, capsys):
    assert main(["runs", runs[0].id]) == 0
    said = capsys.readouterr().out
    assert "over-fitting" in said and "--set epochs=1.0" in said
    parser().parse_args(["train", "sample", *said.partition("instead of 3: ")[2].splitlines()[0].split()])
    assert main(["runs", runs[1].id]) == 0
    assert "no change suggested" in capsys.readouterr().out


def test_runs_carries_the_advice_in_its_json(runs, capsys):
    assert main(["runs", runs[0].id, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["advice"]
    assert found["code"] == "over-fitting" and found["settings"] == {"epochs": 1.0}
