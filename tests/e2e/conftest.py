"""The app as a person starts it, and a page of it, for the tests that drive a browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
PATIENCE = 60_000  # milliseconds that a page may take where other tests run beside it
expect.set_options(timeout=PATIENCE)


class App:
    """The app as a person starts it, on a free port, with a home of its own.

    `host`: an address of this machine to listen on; `options`: of its command line beside it.
    """

    def __init__(self, home: Path, log: Path, options: Sequence[str] = (), host: str = "127.0.0.1") -> None:
        self.home, self.log, self.options, self.host = home, log, options, host
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(self.family) as probe:
            probe.bind((host, 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self, before: Sequence[str] = ()) -> None:
        """Start it and wait until it answers; `before` stands before its command line."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*before, sys.executable, "app.py", "--host", self.host, "--port", str(self.port), *self.options],
                cwd=ROOT,
                env={**os.environ, "SIDETUNE_HOME": str(self.home), "PYTHONFAULTHANDLER": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with socket.socket(self.family) as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def expect_end(self) -> None:
        """It ends by itself, and well; where it does not, what each of its threads is at is told."""
        assert self.process is not None
        try:
            assert self.process.wait(60) == 0, self.log.read_text()
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(self.log.read_text()) from None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_app(tmp_path) -> Iterator[App]:
    """An app of one test's own, with that test's environment; its home is empty."""
    app = App(tmp_path / "home", tmp_path / "app.log")
    app.start()
    yield app
    app.kill()


@pytest.fixture(scope="module")
def app(tmp_path_factory, models_cache):
    folder = tmp_path_factory.mktemp("app")
    home = folder / "home"
    home.mkdir()
    (home / "models").symlink_to(models_cache)
    app = App(home, folder / "app.log")
    app.start()
    yield app
    app.kill()


@pytest.fixture
def page(browser, app):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    # Gradio's plot looks for its own width once more after it was hidden.
    assert [error for error in errors if "reading 'offsetWidth'" not in error] == []
