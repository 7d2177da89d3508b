"""Training in a real browser, with what happens to it: stopped, gone on with, killed, and another one set up."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.runs import launch
from ft.runs.directory import Run

pytestmark = pytest.mark.slow
LONG = 120_000  # milliseconds that a page may take on a busy machine


def shown(page: Page, role: str, name: str | re.Pattern) -> Locator:
    return page.get_by_role(role, name=name, exact=isinstance(name, str)).locator("visible=true").first


def state(page: Page, words: str) -> None:
    expect(page.locator(".run-head h2").locator("visible=true").first).to_contain_text(re.compile(words), timeout=LONG)


def set_up(page: Page, model: str, steps: int) -> None:
    """Fill the Train form: the base model is a folder that is typed, and nothing ends the run before its last step."""
    base = page.get_by_label("What it starts from").locator("visible=true").first
    base.fill(model)
    base.press("Enter")
    if not page.get_by_label("End after this many steps").locator("visible=true").count():
        shown(page, "button", re.compile("Advanced settings")).click()
    for label, value in (("End after so many validations", 0), ("End after this many steps", steps)):
        setting = page.get_by_label(label).locator("visible=true").first
        setting.fill(str(value))
        setting.press("Tab")
    plan = page.get_by_text(re.compile(rf"{steps:,} steps")).locator("visible=true").first
    expect(plan).to_be_visible(timeout=LONG)


def worker_of(run: Path) -> int:
    (pid,) = (
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "ft.train.worker" in (process.info["cmdline"] or []) and str(run) in process.info["cmdline"]
    )
    return pid


def test_a_run_that_is_stopped_and_killed_goes_on_each_time_and_another_is_set_up(page, app, tiny_model, monkeypatch):
    monkeypatch.setenv("SIDETUNE_HOME", str(app.home))
    save(stage([sample_file()]), "sample")
    page.goto(f"{app.url}/?tab=train&dataset=sample")
    page.wait_for_function("window.sidetune?.arrived", timeout=LONG)
    expect(page.get_by_text("54 conversations").locator("visible=true").first).to_be_visible(timeout=LONG)
    set_up(page, tiny_model, 4000)
    shown(page, "button", "Start training").press("Enter")
    state(page, r"Training · step [\d,]+ of 4,000")
    # Where the focus went on to, a second press of the same key ends nothing.
    page.wait_for_function("document.activeElement !== document.body", timeout=LONG)
    assert page.evaluate("!document.activeElement.matches('button.stop')")
    (run,) = (app.home / "runs").glob("[!.]*")
    next(each for each in launch.wait(Run(run)) if each["kind"] == "validation" and each["step"])  # else it has no rank

    shown(page, "button", "Stop").click()
    state(page, r"Stopped · step [\d,]+ of 4,000")
    shown(page, "button", "Resume").click()
    state(page, r"Training · step [\d,]+ of 4,000")

    os.kill(worker_of(run), signal.SIGKILL)
    state(page, r"Interrupted · step [\d,]+ of 4,000")
    expect(
        page.get_by_text("resume it to go on from its last checkpoint").locator("visible=true").first
    ).to_be_visible()
    shown(page, "button", "Resume").click()
    state(page, r"Training · step [\d,]+ of 4,000")
    shown(page, "button", "Stop").click()
    state(page, r"Stopped · step [\d,]+ of 4,000")

    shown(page, "button", re.compile("The same questions")).click()
    expect(page.locator(".probes").get_by_text("Before").locator("visible=true").first).to_be_visible()

    shown(page, "button", "Set up another run").click()
    expect(page.get_by_text("54 conversations").locator("visible=true").first).to_be_visible(timeout=LONG)
