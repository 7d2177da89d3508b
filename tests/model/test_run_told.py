"""What a real run writes down is what its charts, its advice and a comparison read."""

import json

import pytest

from ft.runs import events
from ft.runs.curves import MEASURES, Curves
from ft.runs.reader import Reader
from ft.runs.status import summary

pytestmark = pytest.mark.slow


def test_every_chart_finds_its_figures_in_the_events_of_a_real_run(trained):
    curves = Curves.of(events.read(trained))
    steps = list(range(1, summary(trained)["step"] + 1))
    assert {name: [step for step, _ in curves.points(name)] for name in MEASURES} == dict.fromkeys(MEASURES, steps)
    accuracy = curves.accuracy()
    assert [step for step, _ in accuracy] == [each["step"] for each in curves.validations()]
    assert all(0 <= value <= 1 for _, value in accuracy) and accuracy[-1][1] > accuracy[0][1]
    assert 0 < (curves.epoch(steps[0]) or 0) < (curves.epoch(steps[-1]) or 0) <= trained.config.train.epochs


def test_the_advice_after_a_real_run_is_one_that_can_be_followed(trained):
    advice = summary(trained, Reader().read(trained))["advice"]
    json.dumps(advice)
    assert "few-held-out" in [each["code"] for each in advice]  # the sample holds out six conversations
    for each in advice:
        trained.config.train.with_settings(each["settings"] or {})
    assert "diverged" not in [each["code"] for each in advice]
