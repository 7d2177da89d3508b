"""What a chart draws is what its titles and its legend say, at every change: read from the lines and bars drawn."""

from __future__ import annotations

import json
import math
import re

import pytest
from playwright.sync_api import Locator, Page, TimeoutError
from synthetic_runs import events_of, write

from ft.runs.compare import losses, told
from ft.runs.curves import smoothed, window
from ft.runs.directory import Run
from ft.runs.reader import Reader
from ft.ui import run_charts
from ft.ui.run_compare_words import series

pytestmark = pytest.mark.slow
LONG = 120_000  # milliseconds that an answer may take on a busy machine
# Vega names each mark of an SVG for screen readers: "Step: 10; Validation loss per token: 3.39; run: A".
READ = """() => [...document.querySelectorAll(".vega-embed")].filter((each) => each.checkVisibility()).map((chart) => {
  const texts = (role) => [...chart.querySelectorAll(`.role-${role} text`)].map((text) => text.textContent);
  const marks = [...chart.querySelectorAll(".hover_marks path, .plot_marks.mark-rect path")];
  const along = chart.querySelector(".role-axis-label");
  return {
    steps: [...along.querySelectorAll("text")].map((text) => text.textContent),
    titles: [...texts("axis-title"), ...texts("legend-title")],
    legend: texts("legend-label"),
    marks: marks.map((mark) => mark.ariaLabel.split("; ").map((part) => {
      const value = part.replace(/^[^:]*: /, "");
      return isNaN(value) ? value : Number(value).toFixed(4);
    })),
  };
})"""


@pytest.fixture
def home(app, page, monkeypatch):
    page.set_default_timeout(LONG)
    monkeypatch.setenv("SIDETUNE_HOME", str(app.home))
    return app.home


def shown(page: Page, role: str, name: str | re.Pattern) -> Locator:
    return page.get_by_role(role, name=name).locator("visible=true").first


def falling(begun: float, end: float):
    return lambda epoch: end + (begun - end) * math.exp(-3 * epoch)


def expect_chart(page: Page, titles: list[str], legend: list[str], marks: list[list[str]]) -> None:
    """A chart with these titles (of the axes, then of the legend) is drawn, and has that legend and those marks."""
    wanted = {"titles": titles, "legend": legend, "marks": marks}
    page.evaluate("window.read = " + READ)
    one = f"window.read().find((chart) => chart.titles.join() === {json.dumps(','.join(titles))})"
    found = f"(({{titles, legend, marks}}) => ({{titles, legend, marks}}))({one} ?? {{}})"
    text = json.dumps(wanted, separators=(",", ":"), ensure_ascii=False)  # as JavaScript writes it
    try:
        page.wait_for_function(f"JSON.stringify({found}) === {json.dumps(text)}")
    except TimeoutError:
        assert page.evaluate(found) == wanted


def points(line: list[tuple[int, float]], *name: str) -> list[list[str]]:
    return [[f"{step:.4f}", f"{value:.4f}", *name] for step, value in line]


def curve(run: Run, lines: str) -> list[tuple[int, float]]:
    return losses(told(run, Reader()), lines)


def test_the_comparison_draws_what_its_labels_say_at_every_toggle_and_every_check(home, app, page):
    runs = [
        write(home, f"toggle{number}", events_of(falling(4.5, 2.2), falling(4.5, 2.4 + number / 10), every=10 * number))
        for number in (1, 2, 3)
    ]
    titles = {"validation": "Validation loss per token", "training": "Training loss per token, smoothed"}
    page.goto(f"{app.url}/?tab=runs")
    shown(page, "button", "Compare runs").click()

    def check(chosen: list[int], lines: str) -> None:
        named = [(series(letter, runs[number - 1].name), number) for letter, number in zip("ABC", chosen, strict=False)]
        marks = [mark for name, number in named for mark in points(curve(runs[number - 1], lines), name)]
        expect_chart(page, ["Step", titles[lines], "Run"], [name for name, _ in named], marks)

    for number in (1, 2):
        shown(page, "checkbox", re.compile(f"toggle{number}")).check()
    check([1, 2], "validation")
    for lines, label in (("training", "Training loss, smoothed"), ("validation", "Validation loss")) * 2:
        shown(page, "radio", label).check()
        check([1, 2], lines)
    shown(page, "checkbox", re.compile("toggle3")).check()
    check([1, 2, 3], "validation")
    shown(page, "radio", "Training loss, smoothed").check()
    check([1, 2, 3], "training")
    shown(page, "checkbox", re.compile("toggle1")).uncheck()
    check([2, 3], "training")


def expect_loss(page: Page, run: Run) -> None:
    curves = Reader().read(run)
    training = curves.points("loss")
    lines = {
        "training": training,
        "training, smoothed": smoothed(training, window(curves.steps)),
        "validation": curve(run, "validation"),
    }
    lines = {kind: line for kind, line in lines.items() if line}
    marks = [mark for kind, line in lines.items() for mark in points(line, kind)]
    expect_chart(page, ["Step", "Loss per trained token", "Loss"], list(lines), marks)


def choose(page: Page, run: Run) -> None:
    page.get_by_label("Run to look at").click()
    shown(page, "option", run.id).click()


def test_the_curves_are_those_of_the_run_that_is_chosen(home, app, page):
    first, second, third = (
        write(home, name, events_of(falling(4.5, end), falling(4.6, end) if end < 4 else None, steps=steps), hour=end)
        for end, (name, steps) in enumerate((("first", 120), ("second", 60), ("third", 60)), 2)
    )
    page.goto(f"{app.url}/?tab=runs&run={first.id}")
    expect_loss(page, first)
    shown(page, "button", "More charts").click()
    for run in (second, third, first, third, second):
        choose(page, run)
        expect_loss(page, run)
        expect_chart(page, ["Step", "Gradient norm"], [], points(Reader().read(run).points("grad_norm")))


@pytest.mark.parametrize("steps", [2, 14, 19])
def test_an_axis_of_steps_is_marked_at_whole_steps(home, app, page, steps):
    runs = [
        write(home, f"short{steps}-{number}", events_of(falling(4.5, 2.2), falling(4.5, 2.4), steps=steps, every=1))
        for number in range(2)
    ]
    ids = [run.id for run in runs]
    page.goto(f"{app.url}/?tab=runs&run={ids[0]}&compare={','.join(ids)}")
    shown(page, "button", "More charts").click()
    page.evaluate("window.read = " + READ)
    charts = 2 + len(run_charts.MEASURES)
    page.wait_for_function(f"window.read().filter((chart) => chart.steps.length).length === {charts}")
    for chart in page.evaluate("window.read()"):
        assert [label for label in chart["steps"] if not label.isdigit()] == [], chart["titles"]
        assert len(set(chart["steps"])) == len(chart["steps"])
