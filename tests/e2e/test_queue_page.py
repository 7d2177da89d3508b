"""The runs that wait, in a real browser: there while they wait, moved from the keyboard, cancelled in one click."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from filelock import FileLock
from playwright.sync_api import expect

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.runs import directory, events
from ft.runs.status import status

pytestmark = pytest.mark.slow


def test_who_waits_is_listed_moved_by_keyboard_and_cancelled_and_the_list_goes_by_itself(own_app, browser, monkeypatch):
    monkeypatch.setenv("SIDETUNE_HOME", str(own_app.home))
    sample = save(stage([sample_file()]), "sample")
    runs = [directory.create(sample, TrainConfig()) for _ in range(4)]
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with ExitStack() as locks:
        for run in runs:
            events.append(run, "launched")
            events.append(run, "preparing" if run is runs[0] else "waiting", behind=runs[0].id)
            locks.enter_context(FileLock(run.lock_path))
        page.goto(f"{own_app.url}/?tab=runs", timeout=60_000)
        line = page.locator(".run-queue")
        rows = line.locator("label:has(input[type=radio])")
        expect(rows).to_contain_text([run.id for run in runs[1:]], timeout=30_000)
        expect(line).to_contain_text(f"“{runs[0].name}” is using it.")
        assert page.evaluate("document.documentElement.scrollWidth") == 390

        rows.nth(0).locator("input").focus()
        for key in ("Tab", "Tab", "Space", "Tab"):
            page.keyboard.press(key)
        up = line.get_by_role("button", name="Move up")
        expect(up).to_be_focused()
        for order in ((1, 3, 2), (3, 1, 2)):  # the button keeps the focus, and the run stays chosen
            page.keyboard.press("Enter")
            expect(rows).to_contain_text([runs[each].id for each in order], timeout=15_000)
            expect(line.locator(f"label:has-text('{runs[3].id}') input")).to_be_checked()
            expect(up).to_be_focused()
        line.get_by_role("button", name="Cancel").click()
        expect(rows).to_have_count(2, timeout=15_000)
        expect(rows).to_contain_text([runs[1].id, runs[2].id], timeout=15_000)
        assert status(runs[3]).state == "stopping" and status(runs[1]).state == "waiting"
    expect(line).to_be_hidden(timeout=15_000)  # all their processes are gone
    context.close()
    assert not errors
