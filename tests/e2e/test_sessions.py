"""Each page that is opened and each script that asks is a session for Gradio. What they leave behind stays small."""

from __future__ import annotations

import json

import httpx
import psutil
import pytest

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
