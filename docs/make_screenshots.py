"""Makes docs/images/*.png: the sample becomes a dataset, a short run and a chat, in a real browser on an empty home.

    python docs/make_screenshots.py

Needs the [test] extra and Chromium. Fetches the default model, and takes a few minutes on a CPU.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
MINUTE = 60_000  # milliseconds, as Playwright counts


@contextmanager
def app(home: str) -> Iterator[str]:
    """The address of an app of its own, which is ended afterwards."""
    command = [sys.executable, str(ROOT / "app.py")]
    env = {**os.environ, "SIDETUNE_HOME": home, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = next(each for each in process.stdout if "http://" in each)
            yield next(word for word in line.split() if word.startswith("http://"))
        finally:
            process.terminate()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True).locator("visible=true").first


def take(page: Page, name: str) -> None:
    """Save what the window shows."""
    page.evaluate("window.scrollTo(0, 0)")
    page.mouse.move(0, 0)  # what it hovers over is drawn otherwise
    page.wait_for_timeout(700)  # for transitions to end
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def tour(page: Page, address: str) -> None:
    """Walk through the page as a person would, with a picture of each step."""
    page.goto(address)
    button(page, "Try the sample").click()
    expect(button(page, "Save dataset")).to_be_visible()
    take(page, "data")
    button(page, "Save dataset").click()
    button(page, "Train on it").click()
    # The first check fetches the model.
    button(page, "Check").click()
    expect(page.get_by_text("steps").locator("visible=true").first).to_be_visible(timeout=5 * MINUTE)
    take(page, "train")
    button(page, "Start training").click()
    expect(page.get_by_text("Finished after").locator("visible=true").first).to_be_visible(timeout=15 * MINUTE)
    take(page, "run")
    button(page, "Chat with it").click()
    settings = page.get_by_role("button", name="Settings").locator("visible=true").first
    settings.click()
    longest = page.get_by_label("number input for Longest reply")
    longest.fill("96")  # so that question and answer fit into the picture
    longest.press("Tab")
    settings.click()
    page.locator("#chat-prompt textarea").fill("How do I fix a flat tyre?")
    button(page, "Send").click()
    expect(button(page, "Retry")).to_be_enabled(timeout=5 * MINUTE)
    take(page, "chat")
    page.get_by_role("tab", name="Runs").click()
    take(page, "runs")


def main() -> None:
    """Make all pictures."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next((found for name in names if (found := shutil.which(name))), None)
    if executable is None:
        sys.exit(f"no browser found (looked for {', '.join(names)})")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, app(home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        page.set_default_timeout(MINUTE)
        tour(page, address)
        browser.close()


if __name__ == "__main__":
    main()
