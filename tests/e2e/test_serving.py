"""The server as a person starts it: for whom it is, how its login works, where its files lie, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from conftest import App
from fake_hub import Repo, served
from gradio_client import Client, handle_file

from ft.runs.status import status

pytestmark = pytest.mark.slow
ROWS = b'{"prompt": "Who?", "completion": "I."}\n' * 3
LENT = "that of `hf auth login` on this machine"
SPACE = {"SYSTEM": "spaces", "SPACE_ID": "somebody/sidetune", "SPACE_HOST": "somebody-sidetune.hf.space"}
Start = Callable[..., App]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(*options, host=...)`: an app with the environment as it then is."""
    started: list[App] = []

    def begin(*options: str, host: str = "127.0.0.1") -> App:
        app = App(tmp_path / "home", tmp_path / "log", options, host)
        started.append(app)
        app.start()
        return app

    yield begin
    for app in started:
        app.kill()


def files_of(app: App) -> list[Path]:
    return [path for path in (app.home / "cache").rglob("*") if path.is_file() and not path.name.endswith(".lock")]


@pytest.mark.parametrize(
    ("options", "variables", "lent"),
    [
        (["--no-auth"], {}, True),
        (["--allow-host", "tune.example"], {}, False),
        (["--no-auth"], SPACE, False),
    ],
    ids=["no password", "behind a name", "space"],
)
def test_a_page_for_others_lends_them_no_token(start, monkeypatch, tmp_path, options, variables, lent):
    with served() as hub:
        hub.repos["ada/chats"] = Repo({"chats.jsonl": ROWS})
        for name, value in {**variables, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hub")}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HF_TOKEN", "hf_of_the_machine")
        app = start(*options)
        assert (LENT in httpx.get(app.url).text) == lent
        Client(app.url, verbose=False).predict("ada/chats", "chats", api_name="/pull")
        assert set(hub.tokens) == ({"hf_of_the_machine"} if lent else set())


@pytest.mark.parametrize("host", ["::1", "127.0.0.2"])
def test_it_listens_on_any_address_of_this_machine(start, host):
    app = start(host=host)
    assert "Sidetune" in httpx.get(app.url).text
    assert Client(app.url, verbose=False).predict(api_name="/datasets") == []
    assert httpx.get(app.url, headers={"Host": "x.localhost"}).status_code == 403


def test_the_password_of_the_environment_is_asked_for_and_not_shown(start, monkeypatch):
    monkeypatch.setenv("SIDETUNE_AUTH", "ada:a long one")
    app = start()
    assert app.process is not None
    assert "long" not in " ".join(psutil.Process(app.process.pid).cmdline())
    for path in ("/config", "/gradio_api/info", "/gradio_api/app_id", "/gradio_api/heartbeat/x"):
        assert httpx.get(app.url + path).status_code == 401
    with httpx.Client(base_url=app.url) as visitor:
        wrong = visitor.post("/login", data={"username": "ada", "password": "a short one"})
        assert wrong.status_code == 400
        right = visitor.post("/login", data={"username": "ada", "password": "a long one"})
        assert right.status_code == 200
        assert all("samesite=lax" in cookie.lower() for cookie in right.headers.get_list("set-cookie"))
        visitor.cookies.jar.clear()
    client = Client(app.url, auth=("ada", "a long one"), verbose=False)
    assert client.predict(api_name="/datasets") == []
    assert "long" not in app.log.read_text()


def test_a_flood_of_guesses_is_held_up(start, monkeypatch):
    monkeypatch.setenv("SIDETUNE_AUTH", "ada:a long one")
    app = start()
    guess = ["curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "-d", "username=ada&password=x"]
    flood = [subprocess.Popen([*guess, f"{app.url}/login"], stdout=subprocess.PIPE, text=True) for _ in range(40)]
    answers = [process.communicate()[0] for process in flood]
    assert answers.count("429") >= 20 and answers.count("400") <= 20
    assert app.log.read_text().count("wrong guesses") == 1


def test_uploads_lie_in_the_home_and_are_gone_when_it_has_ended(start, tmp_path):
    app = start()
    chats = tmp_path / "chats.jsonl"
    chats.write_bytes(ROWS)
    Client(app.url, verbose=False).predict([handle_file(str(chats))], "mine", api_name="/convert")
    assert [path.name for path in files_of(app)] == ["chats.jsonl"]
    app.kill()
    again = App(app.home, app.log)
    again.start()
    try:
        assert files_of(again) == []
        Client(again.url, verbose=False).predict([handle_file(str(chats))], "mine", api_name="/convert")
        assert again.process is not None
        again.process.send_signal(signal.SIGTERM)
        again.expect_end()
        assert files_of(again) == []
    finally:
        again.kill()


FORGED = ["/etc/hostname", "https://huggingface.co/robots.txt", "\0", "a\0b", "x" * 5000, "x/" * 3000, "\ud800"]


def test_only_what_was_uploaded_is_read(app):
    for path in FORGED:
        body = json.dumps({"data": [[{"path": path, "meta": {"_type": "gradio.FileData"}}], "mine", "auto"]})
        told = {"content-type": "application/json"}
        begun = httpx.post(f"{app.url}/gradio_api/call/convert", content=body, headers=told).json()
        answer = httpx.get(f"{app.url}/gradio_api/call/convert/{begun['event_id']}", timeout=60).text
        assert "not one that was uploaded here" in answer and "Traceback" not in app.log.read_text(), path[:20]


def test_an_upload_that_is_too_large_in_all_leaves_nothing_behind(app):
    half = b"x" * (110 * 2**20)
    both = [("files", ("a.json", half)), ("files", ("b.json", half))]
    answer = httpx.post(f"{app.url}/gradio_api/upload", files=both, timeout=120)
    assert answer.status_code == 413 and "200 MB for all of them together" in answer.text

    def unannounced() -> Iterator[bytes]:
        for name in "ab":
            yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n' % name.encode()
            for _ in range(110):
                yield b"x" * 2**20
            yield b"\r\n"
        yield b"--x--\r\n"

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(f"{app.url}/gradio_api/upload", content=unannounced(), headers=kind, timeout=120)
    assert answer.status_code == 413 and "200 MB for all of them together" in answer.text
    assert files_of(app) == []


def test_an_upload_that_was_broken_off_leaves_nothing_behind(app):
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.json"\r\n\r\n' + b"x" * 2**20

    def broken() -> Iterator[bytes]:
        yield head
        raise ConnectionError("the cable")

    kind = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(2**22)}
    with pytest.raises(ConnectionError):
        httpx.post(f"{app.url}/gradio_api/upload", content=broken(), headers=kind)
    for _ in range(100):
        if not files_of(app):
            break
        httpx.get(app.url)
    assert files_of(app) == []


def test_it_ends_when_it_is_told_to_and_runs_go_on(start, tiny_model, monkeypatch):
    app = start()
    monkeypatch.setenv("SIDETUNE_HOME", str(app.home))
    client = Client(app.url, verbose=False)
    rows = app.home.parent / "rows.jsonl"
    rows.write_text("".join(f'{{"prompt": "Question {n}?", "completion": "Answer {n}."}}\n' for n in range(60)))
    client.predict([handle_file(str(rows))], "mine", api_name="/convert")
    settings = {"model": tiny_model, "epochs": 100}
    run = client.predict("mine", settings, "cpu", api_name="/train")
    assert app.process is not None
    app.process.send_signal(signal.SIGINT)
    app.expect_end()
    from ft.runs import directory, launch

    found = directory.find(run["run"])
    assert status(found).live
    launch.stop(found)
    list(launch.wait(found))


def test_it_ends_also_while_it_works_for_somebody_who_has_gone(start, tmp_path):
    app = start()
    chats = tmp_path / "chats.jsonl"
    chats.write_text("".join(f'{{"prompt": "{n}", "completion": "{"+49 30 123456 " * 60_000}"}}\n' for n in range(2)))
    Client(app.url, verbose=False).predict([handle_file(str(chats))], "mine", api_name="/convert")
    httpx.post(f"{app.url}/gradio_api/call/check", json={"data": ["mine", []]}).raise_for_status()
    assert app.process is not None
    server = psutil.Process(app.process.pid)
    used = server.cpu_times().user
    while server.cpu_times().user < used + 1:  # it is at it
        time.sleep(0.1)
    app.process.send_signal(signal.SIGTERM)
    assert app.process.wait(20) == 0


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-fp", "--mount-proc", "true"]).returncode != 0,
    reason="this machine lets nobody start a process as the first of its own (unshare -fp)",
)
def test_the_first_process_of_a_container_ends_too_when_it_is_told_to(tmp_path):
    app = App(tmp_path / "home", tmp_path / "log")
    app.start(before=["unshare", "-fp", "--mount-proc", "--kill-child"])
    try:
        assert app.process is not None
        (first,) = psutil.Process(app.process.pid).children()
        os.kill(first.pid, signal.SIGTERM)
        app.expect_end()
        assert files_of(app) == []
    finally:
        app.kill()
