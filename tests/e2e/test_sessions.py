"""Each page that is opened and each script that asks is a session for Gradio. What they leave behind stays small."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest
from gradio_client import Client, handle_file

pytestmark = pytest.mark.slow
MB = 2**20


def visit(client: httpx.Client, number: int, datasets: int) -> None:
    """What a browser or gradio_client does: asks for something, here the event `datasets`, in a session of its own."""
    named = f"session{number}"
    body = {"data": [], "fn_index": datasets, "session_hash": named}
    client.post("/gradio_api/queue/join", json=body).raise_for_status()
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": named}) as news:
        said = [json.loads(line[6:]) for line in news.iter_lines() if line.startswith("data: ")]
    assert [each["success"] for each in said if each["msg"] == "process_completed"] == [True]


def test_five_hundred_sessions_leave_little_behind(own_app):
    server = psutil.Process(own_app.process.pid)
    with httpx.Client(base_url=own_app.url, timeout=120) as client:
        config = client.get("/config").json()
        (datasets,) = [each["id"] for each in config["dependencies"] if each["api_name"] == "datasets"]
        for number in range(5):
            visit(client, number, datasets)
        begun = server.memory_info().rss
        for number in range(5, 505):
            visit(client, number, datasets)
        assert (server.memory_info().rss - begun) / MB < 150


def test_what_is_refused_leaves_nothing_behind_however_large_it_is(own_app):
    server = psutil.Process(own_app.process.pid)

    def refused(client: httpx.Client, text: str) -> None:
        asked = client.post("/gradio_api/call/undo", json={"data": [text]}).raise_for_status().json()["event_id"]
        assert "error" in client.get(f"/gradio_api/call/undo/{asked}").text

    with httpx.Client(base_url=own_app.url, timeout=120) as client:
        for _ in range(3):
            refused(client, "x" * 10_000_000)
        begun = server.memory_info().rss
        for _ in range(20):
            refused(client, "x" * 10_000_000)
        assert (server.memory_info().rss - begun) / MB < 100


def work(url: str, folder: Path, name: str, times: int) -> None:
    """A script makes a dataset of 100 conversations, has it checked and exported, and gets its own."""
    client = Client(url, verbose=False, httpx_kwargs={"timeout": 300})
    file = folder / f"{name}.jsonl"
    file.write_text("".join(f'{{"prompt": "{name} {n}?", "completion": "It is {n}."}}\n' for n in range(100)))
    for _ in range(times):
        assert client.predict([handle_file(str(file))], name, api_name="/convert")["kept"] == 100
        assert name in {each["dataset"] for each in client.predict(api_name="/datasets")}
        client.predict(name, api_name="/check")
        exported = Path(client.predict(name, api_name="/export_data")).read_text().splitlines()
        assert len(exported) == 100 and all(f"{name} " in line for line in exported)


def test_thirty_scripts_at_once_get_their_own_and_leave_little_behind(own_app, tmp_path):
    server = psutil.Process(own_app.process.pid)
    work(own_app.url, tmp_path, "first", 1)
    begun = server.memory_info().rss
    with ThreadPoolExecutor(30) as scripts:
        list(scripts.map(partial(work, own_app.url, tmp_path, times=1), [f"script-{number}" for number in range(30)]))
    assert (server.memory_info().rss - begun) / MB < 150
