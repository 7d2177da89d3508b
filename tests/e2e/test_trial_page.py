"""A trial in a real browser: cancelled, left by a page that is closed or loaded anew, and taken to its end."""

from __future__ import annotations

import time
from contextlib import suppress

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.runs import queue

pytestmark = pytest.mark.slow
LONG = 120_000  # milliseconds that a page may take on a busy machine


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name).locator("visible=true").first


def opened(page: Page, url: str, model: str) -> None:
    """The Train tab with the tiny model, and the fold for trying open."""
    page.goto(url)
    page.wait_for_function("window.sidetune?.arrived", timeout=LONG)
    base = page.get_by_label("What it starts from").locator("visible=true").first
    base.fill(model)
    base.press("Enter")
    # Its plan is shown once the page has chosen the dataset and taken the model.
    expect(page.get_by_text("hidden size of 64").locator("visible=true").first).to_be_visible(timeout=LONG)
    button(page, "Try it first").click()


def trials(app: psutil.Process) -> list[psutil.Process]:
    """The processes of two steps that the app has started and that have not ended."""
    found = []
    for each in app.children():
        with suppress(psutil.NoSuchProcess):
            if "ft.train.two_steps" in each.cmdline():
                found.append(each)
    return found


def begun(page: Page, app: psutil.Process) -> psutil.Process:
    """The process of the trial that the page's button starts, held so that it does not end by itself."""
    button(page, "Take two steps").click()
    deadline = time.monotonic() + LONG / 1000
    while not (found := trials(app)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    found[0].suspend()
    expect(button(page, "Cancel the trial")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Taking two steps on the longest batch").first).to_be_visible(timeout=LONG)
    assert queue.line().trials
    return found[0]


def test_a_trial_is_cancelled_ends_with_its_page_and_another_is_taken_to_its_end(
    page, app, browser, tiny_model, monkeypatch
):
    monkeypatch.setenv("SIDETUNE_HOME", str(app.home))
    save(stage([sample_file()]), "sample")
    served = psutil.Process(app.process.pid)
    url = f"{app.url}/?tab=train&dataset=sample"
    opened(page, url, tiny_model)
    process = begun(page, served)
    button(page, "Cancel the trial").click()
    expect(page.get_by_text("Cancelled: nothing was changed.").first).to_be_visible(timeout=LONG)
    assert not process.is_running() and not queue.line().trials
    expect(page.get_by_role("button", name="Cancel the trial")).to_have_count(0)

    process = begun(page, served)
    page.reload()
    process.wait(30)
    other = browser.new_page()
    opened(other, url, tiny_model)
    process = begun(other, served)
    other.close()
    process.wait(30)

    opened(page, url, tiny_model)
    button(page, "Take two steps").click()
    expect(page.get_by_text("Two steps on the longest batch took").first).to_be_visible(timeout=LONG)
    assert "an hour." not in " ".join(page.locator(".plan").all_inner_texts())  # no price was given
    expect(page.get_by_role("button", name="Cancel the trial")).to_have_count(0)
    expect(button(page, "Take two steps")).to_be_enabled()
