"""A page for others asks the Hub without the token of the machine, and shows nothing that was fetched with it.

The real app and its real worker, talking to a Hub of our own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_hub import Hub, Repo, served
from gradio_client import Client
from gradio_client.exceptions import AppError

from ft.dataset.build import save, stage
from ft.dataset.sample import SAMPLE_NAME, sample_file

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SECRET = "hf_HOSTSECRET0000000000000000000000"
SETTINGS = {"model": "ada/tiny", "max_steps": 2, "lora_rank": 4, "probes": 1, "eval_steps": 2}


@pytest.fixture
def hub(tiny_model) -> Iterator[Hub]:
    files = {path.name: path.read_bytes() for path in Path(tiny_model).iterdir()}
    with served() as hub:
        hub.models["ada/tiny"] = Repo(files)
        hub.models["host/private"] = Repo(files, private=True)
        rows = [{"prompt": f"Question {n}?", "completion": f"Answer {n}."} for n in range(30)]
        hub.repos["ada/chats"] = Repo({"README.md": b"x", "train.jsonl": "\n".join(map(json.dumps, rows)).encode()})
        yield hub


@contextmanager
def app(home: Path, hub: Hub, log: Path, hosted: bool) -> Iterator[Client]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "SIDETUNE_"))},
        **{"SIDETUNE_HOME": str(home), "HF_HOME": str(home / "hf"), "HF_TOKEN": SECRET, "HF_ENDPOINT": hub.url},
        **({"SIDETUNE_HOSTED": "1"} if hosted else {}),
    }
    command = [sys.executable, "app.py", "--port", str(port)]
    with log.open("wb") as out, subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out) as process:
        try:
            yield _connected(f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()


def _connected(url: str, process: subprocess.Popen) -> Client:
    deadline = time.monotonic() + 300
    while True:
        try:
            return Client(url, verbose=False, httpx_kwargs={"timeout": 600})
        except Exception:  # whatever says that it does not listen yet
            assert process.poll() is None
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def ended(client: Client, run: str) -> dict[str, Any]:
    over = ("finished", "failed", "stopped", "interrupted")
    while (now := client.predict(run, api_name="/run"))["status"] not in over:
        time.sleep(1)
    return now


def refusal(client: Client, *given: Any, **named: Any) -> str:
    with pytest.raises(AppError) as refused:
        client.predict(*given, **named)
    return str(refused.value)


@pytest.mark.parametrize("hosted", [True, False], ids=["hosted", "own"])
def test_the_machine_s_token_goes_to_the_hub_only_where_the_page_is_one_s_own(home, hub, tmp_path, hosted):
    save(stage([sample_file()]), SAMPLE_NAME)
    sent: dict[str, set[str]] = {}

    def note(what: str) -> None:
        asked = [(path, token) for path, token in hub.requests if "/ada/tiny" in path or "ada/tiny/" in path]
        assert asked, what
        sent[what] = {token for _, token in asked}
        hub.requests.clear()

    with app(home, hub, tmp_path / "log", hosted) as client:
        hub.requests.clear()
        seen = client.predict(SAMPLE_NAME, 1, "ada/tiny", api_name="/inspect")
        assert seen["count"] == sum(len(token["ids"]) for token in seen["tokens"])
        note("inspect")
        assert client.predict(SAMPLE_NAME, 0, "ada/tiny", api_name="/inspect")["conversations"] == 60
        note("inspect all")
        if hosted:
            assert client.predict(SAMPLE_NAME, SETTINGS, api_name="/trial")["fits"]
            note("trial")
        run = client.predict(SAMPLE_NAME, SETTINGS, api_name="/train")["run"]
        assert ended(client, run)["status"] == "finished"
        note("train")
        if hosted:
            assert client.predict(run, "Hello?", 4, api_name="/chat")["base"]["tokens"]
            note("chat")
    assert sent == dict.fromkeys(sent, {""} if hosted else {SECRET})
    assert hosted == (home / "models" / "hub" / "models--ada--tiny").exists()
    assert hosted != (home / "hf" / "hub" / "models--ada--tiny").exists()


def test_strangers_do_not_notice_what_the_machine_fetched_for_itself(home, hub, tmp_path):
    save(stage([sample_file()]), SAMPLE_NAME)
    with app(home, hub, tmp_path / "own-log", hosted=False) as client:
        assert client.predict(SAMPLE_NAME, 1, "host/private", api_name="/inspect")["count"]
    assert (home / "hf" / "hub" / "models--host--private").exists()
    with app(home, hub, tmp_path / "log", hosted=True) as client:
        answers = [refusal(client, SAMPLE_NAME, 1, f"host/{name}", api_name="/inspect") for name in ("private", "none")]
        assert answers[0].replace("host/private", "host/none") == answers[1]
        run = client.predict(SAMPLE_NAME, {**SETTINGS, "model": "host/private"}, api_name="/train")["run"]
        assert ended(client, run)["status"] == "failed"
    assert not any(token for path, token in hub.requests if "host/none" in path)


@pytest.mark.parametrize("hosted", [True, False], ids=["hosted", "own"])
def test_datasets_are_fetched_and_published_with_the_token_of_whoever_asks(home, hub, tmp_path, hosted):
    def sent() -> set[str]:
        tokens = {token for path, token in hub.requests if "/ada/" in path or path == "/api/repos/create"}
        hub.requests.clear()
        return tokens

    with app(home, hub, tmp_path / "log", hosted) as client:
        assert client.predict("ada/chats", "chats", api_name="/pull")["kept"] == 30
        assert sent() == ({""} if hosted else {SECRET})
        assert client.predict("ada/chats", "chats", token="hf_mine", api_name="/pull")["kept"] == 30
        assert sent() == {"hf_mine"}
        assert client.predict("chats", "ada/mine", token="hf_mine", api_name="/push")["private"] is True
        assert sent() == {"hf_mine"} and "Question 7?" in hub.repos["ada/mine"].files["data/train.jsonl"].decode()
        if hosted:
            assert "you may not write to it" in refusal(client, "chats", "ada/other", api_name="/push")
            assert sent() == {""} and "ada/other" not in hub.repos
        else:
            assert client.predict("chats", "ada/other", api_name="/push")["private"] is True
            assert sent() == {SECRET}
        assert SECRET not in (tmp_path / "log").read_text()
