"""One run in a real browser: it is named, ended at once while it stops, and its adapter is taken away."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from safetensors.numpy import save_file
from synthetic_runs import events_of, write

from ft.runs import directory
from ft.runs.directory import Run
from ft.runs.status import status

pytestmark = pytest.mark.slow
LONG = 120_000  # milliseconds that an answer may take on a busy machine
DEAF = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(3600)
"""


@contextmanager
def deaf_worker(run: Run) -> Iterator[subprocess.Popen]:
    """A process that looks like the run's worker, holds its lock and heeds nothing."""
    command = [sys.executable, "-c", DEAF, str(run.lock_path), "-m", "ft.train.worker", str(run.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def shown(page: Page, role: str, name: str | re.Pattern) -> Locator:
    return page.get_by_role(role, name=name, exact=isinstance(name, str)).locator("visible=true").first


def falling(epoch: float) -> float:
    return 4 - epoch


def test_a_run_is_named_ended_at_once_and_its_adapter_downloaded(own_app, page, tmp_path, monkeypatch):
    monkeypatch.setenv("SIDETUNE_HOME", str(own_app.home))
    page.set_default_timeout(LONG)
    over = write(own_app.home, "097d", events_of(falling, falling, steps=40))
    over.adapter.mkdir()
    save_file({"lora_A": np.ones((4, 8), np.float32)}, over.adapter / "adapter_model.safetensors")
    (over.adapter / "adapter_config.json").write_text(json.dumps({"r": 4, "base_model_name_or_path": "owner/name"}))
    directory.rename(over, "<b>first</b> of all")
    going = write(own_app.home, "77aa", events_of(falling, None, steps=40, last=7, end=""), hour=1)
    going.name_path.unlink(missing_ok=True)
    head = page.locator(".run-head").locator("visible=true").first

    page.goto(f"{own_app.url}/?tab=runs&run={over.id}", timeout=LONG)
    expect(head).to_contain_text("<b>first</b> of all", timeout=LONG)
    with page.expect_download(timeout=LONG) as taken:
        shown(page, "button", "Download the adapter").click()
    assert taken.value.suggested_filename == "b-first-b-of-all-adapter.zip"
    taken.value.save_as(tmp_path / "taken.zip")
    with zipfile.ZipFile(tmp_path / "taken.zip") as archive:
        assert archive.testzip() is None and {"README.md", "adapter_config.json"} <= set(archive.namelist())
    expect(shown(page, "button", "Download the adapter")).to_be_enabled(timeout=LONG)

    shown(page, "button", re.compile("Rename this run")).click()
    shown(page, "textbox", re.compile("New name")).fill("shorter replies")
    shown(page, "button", "Rename").click()
    expect(head).to_contain_text("shorter replies", timeout=LONG)
    expect(page.get_by_label("Run to look at").locator("visible=true")).to_have_value("shorter replies", timeout=LONG)
    expect(page.locator(".prose.runs-table")).to_contain_text("shorter replies")
    expect(page.locator(".prose.runs-table")).to_contain_text("sample 77aa")

    with deaf_worker(going) as worker:
        page.goto(f"{own_app.url}/?tab=runs&run={going.id}", timeout=LONG)
        expect(head).to_contain_text("sample 77aa", timeout=LONG)
        shown(page, "button", "Stop").click()
        expect(head).to_contain_text("Stop now ends it at once", timeout=LONG)
        expect(shown(page, "button", "Stop")).to_be_disabled()
        shown(page, "button", "Stop now").click()
        expect(head).to_contain_text("Stopped · step 7 of 40", timeout=LONG)
        worker.wait(60)
    assert status(going).state == "stopped"
    expect(shown(page, "button", "Resume")).to_be_visible()
