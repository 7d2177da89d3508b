"""How long the Data tab takes to answer with 100,000 conversations: python bench/data_tab.py [--rows N] [--save FILE]

A real browser opens a dataset of 60 conversations and one of 100,000 (ShareGPT, four turns, 1.75 KB each) in the same
app, and does the same on both: open the page, turn to the next page, search, filter, edit a turn, undo. Printed are the
seconds from the click to what was asked for, the median of three, and what the large dataset adds to the small one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from convert import write_chats
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
SMALL, TIMES = 60, 3
WAIT = 120_000  # milliseconds


def seconds(act: Callable[[], object], seen: Callable[[], object]) -> float:
    """From `act` to when `seen` returns."""
    before = time.perf_counter()
    act()
    seen()
    return time.perf_counter() - before


def measured(page: Page, url: str, name: str, rows: int) -> dict[str, float]:
    """The median seconds of each action on that dataset."""

    def button(label: str) -> Callable[[], None]:
        return lambda: page.get_by_role("button", name=label, exact=True).locator("visible=true").first.click()

    def shows(words: str) -> Callable[[], None]:
        return lambda: expect(page.get_by_text(words, exact=True).locator("visible=true").first).to_be_visible(
            timeout=WAIT
        )

    first = page.locator(".conversation-slot").first

    def holds(words: str, does: bool = True) -> Callable[[], None]:
        return lambda: (expect(first).to_contain_text if does else expect(first).not_to_contain_text)(
            words, timeout=WAIT
        )

    search, everything = page.get_by_label("Search in the text"), shows(f"1 to 5 of {rows:,}")
    found: dict[str, list[float]] = {}

    def take(what: str, act: Callable[[], object], seen: Callable[[], object]) -> None:
        found.setdefault(what, []).append(seconds(act, seen))

    def once(number: int) -> None:
        take("open", lambda: page.goto(f"{url}/?tab=data&dataset={name}"), everything)
        page.wait_for_timeout(3000)  # what else the page does when it opens
        take("next page", button("Next"), shows(f"6 to 10 of {rows:,}"))
        some = page.get_by_text(re.compile(rf"^[\d,]+ of {rows:,} conversations$"))
        take("filter", page.get_by_label("Held out").first.check, lambda: expect(some).to_be_visible(timeout=WAIT))
        page.get_by_label("All", exact=True).first.check()
        everything()
        search.fill(f"nowhere {number}")
        take("search", lambda: search.press("Enter"), shows("No conversation passes these filters."))
        search.fill("")
        search.press("Enter")
        everything()
        button("Edit conversation 1")()
        page.get_by_label("Text of turn 2").fill(f"Another reply {number}")
        take("edit", button("Keep it"), holds(f"Another reply {number}"))
        take("undo", button("Undo"), holds(f"Another reply {number}", False))

    for number in range(TIMES):
        once(number)
    return {what: round(statistics.median(each), 2) for what, each in found.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--save", type=Path, help="write the figures to this JSON file")
    args = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sidetune-bench-"))
    environment = {**os.environ, "SIDETUNE_HOME": str(folder / "home")}
    try:
        for name, rows in (("small", SMALL), ("large", args.rows)):
            write_chats(folder / f"{name}.jsonl", rows, "lines")
            command = [sys.executable, "-m", "ft", "convert", str(folder / f"{name}.jsonl"), "--name", name]
            subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        app = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=environment, stdout=subprocess.PIPE
        )
        try:
            assert app.stdout is not None and app.stdout.readline()  # it says its address once it answers
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
                page = chromium.new_page(viewport={"width": 1280, "height": 900})
                url = f"http://127.0.0.1:{port}"
                figures = {
                    name: measured(page, url, name, rows) for name, rows in (("small", SMALL), ("large", args.rows))
                }
                chromium.close()
        finally:
            app.terminate()
            app.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for what, small in figures["small"].items():
        large = figures["large"][what]
        print(f"{what:10} {small:6.2f} s with {SMALL}, {large:6.2f} s with {args.rows:,}: {large - small:+.2f} s")
    if args.save:
        document = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "rows": args.rows, **figures}
        args.save.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
