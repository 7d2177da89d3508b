"""A lock held by a process of its own, as a worker holds its run's and a program the device's; a Hub of our own; and
somebody on the page, without a browser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_hub import Hub, Repo, served
from huggingface_hub import constants

if TYPE_CHECKING:
    from visitor import Visitor, World

ROWS = "\n".join(json.dumps({"prompt": f"Question {n}?", "completion": f"Answer {n}."}) for n in range(30)).encode()
Hold = Callable[[Path], AbstractContextManager[subprocess.Popen]]
HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold() -> Hold:
    """`with hold(path) as process`: another process holds that lock until the block ends or it is killed."""

    @contextmanager
    def held(path: Path) -> Iterator[subprocess.Popen]:
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", HOLDER, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stdout.readline() == "held\n"
            try:
                yield process
            finally:
                process.kill()

    return held


@pytest.fixture
def hub(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with served() as served_hub:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, served_hub.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", served_hub.url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        served_hub.repos["ada/chats"] = Repo({"README.md": b"x", "data/train.jsonl": ROWS, "data/test.jsonl": ROWS})
        yield served_hub


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A dataset, an upload, two runs and the page, shared by the tests of a module."""
    from visitor import make_world  # with all of Gradio, which most tests here do not need

    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("SIDETUNE_HOME", str(home))
        return make_world(home, tmp_path_factory.mktemp("files"))


@pytest.fixture
def visitor(world: World, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """Somebody on the world's page; the engine's replies need no model."""
    from visitor import Visitor, replies

    monkeypatch.setenv("SIDETUNE_HOME", str(world.home))
    monkeypatch.setattr("ft.chat.engine.Engine.reply", replies)
    return Visitor(world)
