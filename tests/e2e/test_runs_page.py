"""The Runs tab in a real browser, with runs that never trained: charts, a comparison, and advice that fills a form."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

import pytest
from filelock import FileLock
from playwright.sync_api import Locator, Page, expect
from synthetic_runs import events_of, write

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file

pytestmark = pytest.mark.slow
LONG = 120_000  # milliseconds that an answer may take on a busy machine


def falling(begun: float, end: float, rate: float):
    return lambda epoch: end + (begun - end) * math.exp(-rate * epoch)


# How many pixels of the log lie below what is seen of it.
BELOW = """((box) => box && Math.round(box.scrollHeight - box.clientHeight - box.scrollTop))(
  [...document.querySelectorAll(".run-log textarea")].find((box) => box.checkVisibility()))"""


OVER = events_of(falling(4.5, 0.6, 1.2), lambda epoch: falling(4.5, 2.6, 5)(epoch) + 0.4 * max(0, epoch - 1), noise=0.1)
GOOD = events_of(falling(4.5, 2.2, 3), falling(4.5, 2.4, 3), noise=0.1)


@pytest.fixture
def home(own_app, monkeypatch):
    """The app's home, with the sample as a dataset."""
    monkeypatch.setenv("SIDETUNE_HOME", str(own_app.home))
    save(stage([sample_file()]), "sample")
    return own_app.home


@pytest.fixture
def runs_page(browser, own_app) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 900})
    page = context.new_page()
    page.set_default_timeout(LONG)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors


def shown(page: Page, role: str, name: str | re.Pattern) -> Locator:
    return page.get_by_role(role, name=name).locator("visible=true").first


def test_runs_are_compared_with_the_keyboard_alone_and_a_link_keeps_the_comparison(home, own_app, runs_page):
    write(home, "over", OVER, TrainConfig(learning_rate=1e-3))
    write(home, "good", GOOD, TrainConfig(learning_rate=5e-4), hour=1)
    page = runs_page
    page.goto(f"{own_app.url}/?tab=runs")
    fold = shown(page, "button", "Compare runs")
    expect(fold).to_be_visible(timeout=LONG)
    fold.press("Enter")
    expect(shown(page, "checkbox", re.compile("sample-good"))).to_be_visible()
    for name in ("sample-over", "sample-good"):
        shown(page, "checkbox", re.compile(name)).press("Space")
    best = page.locator("tr", has_text="(best)").locator("visible=true").first
    expect(best).to_contain_text("sample-good", timeout=LONG)
    expect(page.locator("tr", has_text="learning rate").locator("visible=true").first).to_contain_text("0.0005")
    page.wait_for_url("**/*compare=*")
    page.reload()
    expect(best).to_contain_text("sample-good", timeout=LONG)
    expect(page.locator(".legend-label, .role-legend-label").locator("visible=true").first).to_be_visible(timeout=LONG)
    page.get_by_label("Training loss, smoothed").locator("visible=true").check()
    expect(page.get_by_text("Training loss per token, smoothed").first).to_be_visible(timeout=LONG)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_advice_fills_the_form_with_the_settings_of_its_run_and_one_change(home, own_app, runs_page):
    run = write(home, "over", OVER, TrainConfig(learning_rate=7e-4, lora_rank=12))
    page = runs_page
    page.goto(f"{own_app.url}/?tab=runs&run={run.id}")
    expect(page.get_by_text("learnt its conversations by heart").locator("visible=true").first).to_be_visible(
        timeout=LONG
    )
    shown(page, "button", "Try it: epochs 1 instead of 3").click()
    expect(page.locator("#tab-train-button[aria-selected=true]")).to_be_visible(timeout=LONG)
    expect(shown(page, "button", "Start training")).to_be_enabled(timeout=LONG)
    shown(page, "button", "Advanced settings").click()
    expect(page.get_by_label("Times it reads every conversation")).to_have_value("1", timeout=LONG)
    expect(page.get_by_label("How much the model may change in a step")).to_have_value("0.0007")
    expect(page.get_by_label("Size of what is learned")).to_have_value("12")
    expect(page.get_by_label("What it learns from")).to_have_value(re.compile("^sample "))

    # Asked for again after the form was changed by hand, it is filled again.
    page.get_by_label("Times it reads every conversation").fill("9")
    page.get_by_label("Times it reads every conversation").press("Tab")
    shown(page, "tab", "Runs").click()
    shown(page, "button", "Try it: epochs 1 instead of 3").click()
    expect(page.get_by_label("Times it reads every conversation")).to_have_value("1", timeout=LONG)


def test_charts_grow_while_it_goes_and_are_the_same_after_a_restart_of_the_app(home, own_app, runs_page):
    run = write(home, "live", GOOD[:70])
    page = runs_page
    with FileLock(run.lock_path):
        page.goto(f"{own_app.url}/?tab=runs&run={run.id}")
        shown(page, "button", "More charts").click()
        shown(page, "button", "Values as a table").click()
        table = page.locator("table.plain", has_text="Gradient norm").locator("visible=true")
        expect(table.locator("tbody tr")).to_have_count(6, timeout=LONG)
        with run.events_path.open("a") as file:
            file.writelines(json.dumps(event) + "\n" for event in GOOD[70:-1])
        expect(table.locator("tbody tr")).to_have_count(12, timeout=LONG)
        expect(page.get_by_text("Token accuracy (%)").locator("visible=true").first).to_be_visible()
        with run.events_path.open("a") as file:
            file.write(json.dumps(GOOD[-1]) + "\n")
    expect(page.get_by_text("No change suggested").locator("visible=true").first).to_be_visible(timeout=LONG)
    before = table.inner_text()
    own_app.kill()
    own_app.start()
    page.goto(f"{own_app.url}/?tab=runs&run={run.id}")
    shown(page, "button", "More charts").click()
    shown(page, "button", "Values as a table").click()
    expect(table.locator("tbody tr")).to_have_count(12, timeout=LONG)
    assert table.inner_text() == before


def test_a_run_that_is_deleted_leaves_the_comparison(home, own_app, runs_page):
    runs = [write(home, name, GOOD, hour=hour) for hour, name in enumerate(("one", "two"))]
    write(home, "three", OVER, hour=2)
    page = runs_page
    page.goto(f"{own_app.url}/?tab=runs&run={runs[0].id}&compare={runs[0].id},{runs[1].id}")
    row = page.locator("table.plain tr", has_text=runs[0].id).locator("visible=true")
    expect(row).to_have_count(1, timeout=LONG)
    shown(page, "button", "Delete this run").click()
    shown(page, "button", "Yes, delete it for good").click()
    expect(row).to_have_count(0, timeout=LONG)
    assert not runs[0].path.exists()
    expect(shown(page, "checkbox", re.compile("sample-two"))).to_be_checked()


def test_the_log_is_open_at_its_end_and_follows_it_until_somebody_scrolls_up(home, own_app, runs_page):
    run = write(home, "live", GOOD[:70])
    lines = [f"line {number}" for number in range(100)]
    run.log_path.write_text("\n".join(lines[:60]) + "\n")
    page = runs_page
    log = page.locator(".run-log textarea").locator("visible=true")

    def add(first: int, end: int) -> None:
        with run.log_path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines[first:end])
        expect(log).to_have_value(re.compile(f"{lines[end - 1]}$"), timeout=LONG)

    def expect_below(pixels: int) -> None:
        page.wait_for_function(f"{BELOW} === {pixels}")

    with FileLock(run.lock_path):
        page.goto(f"{own_app.url}/?tab=runs&run={run.id}")
        shown(page, "button", "Log").click()
        expect(log).to_have_value(re.compile("line 59$"), timeout=LONG)
        expect_below(0)
        add(60, 80)
        expect_below(0)
        log.evaluate("(box) => { box.scrollTop = 100; box.dispatchEvent(new Event('scroll')); }")
        add(80, 100)
        assert log.evaluate("(box) => box.scrollTop") == 100
        shown(page, "button", "Log").click()
        shown(page, "button", "Log").click()
        expect_below(0)
