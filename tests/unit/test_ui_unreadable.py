"""A request that Gradio can make nothing of is answered in words, and is one line in the log at most."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import gradio as gr
import pytest
from gradio.routes import App
from starlette.testclient import TestClient

from ft.ui.own_names import OwnNames
from ft.ui.page import Page
from ft.ui.server import GuardedApp

HOME = "http://127.0.0.1:7860"
JSON = {"content-type": "application/json"}
FORM = "multipart/form-data; boundary=x"
NAMED = b'Content-Disposition: form-data; name=files; filename="a.txt"\r\n'

JOINED = [
    *(b"{}", b"[]", b"null", b"{", b'{"data":null}', b"[" * 100_000, b"\xff\xfe", b'{"data":[1e999]}', b""),
    *(b'{"data":[],"fn_index":%d,"session_hash":"a"}' % number for number in (99999, -1, 10**30)),
    b'{"data":[],"fn_index":"x"}',
    b'{"data":[],"fn_index":1,"session_hash":{"a":1}}',
    rb'{"data":[],"fn_index":"\ud800","session_hash":"\ud800"}',
    rb'{"data":"\ud800"}',
]
UPLOADS = [
    ("multipart/form-data", b"x"),
    (FORM, b"x"),
    (FORM, b"--x\r\nContent-Disposition: form-data; name=files\r\n\r\nhi\r\n--x--\r\n"),
    (FORM, b"--x\r\nX: " + b"h" * 200_000 + b"\r\n\r\nhi\r\n--x--\r\n"),
    ("multipart/form-data; boundary=" + "x" * 300, b"x"),
    ("application/json", b"{}"),
    ("", b""),
]
RANGES = ["bytes=0-0,1-1,2-2", "bytes=--1", "bytes=abc", "bytes=5-1", "x", "bytes=0-" + "9" * 5000]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with Page(analytics_enabled=False) as page:
        box, files = gr.Textbox(), gr.File()
        box.submit(lambda text: text, box, box, api_name="echo")
        box.change(lambda text: text, box, box, api_name="at_once", queue=False)
        files.upload(lambda file: None, files, None)
    page.queue(api_open=False)
    page.max_file_size = None  # as launch() sets it
    app = App.create_app(page, app=GuardedApp(OwnNames.of("127.0.0.1", []), None))
    yield TestClient(app, base_url=HOME)
    page.close()


def refused(client: TestClient, caplog, capfd, method: str, path: str, **request: object) -> None:
    """It is answered in words, with one short line in the log; what is raised ends the test."""
    with caplog.at_level(logging.WARNING):
        answer = client.request(method, path, **request)
    assert 400 <= answer.status_code < 500, answer.text
    assert len(answer.text) < 1000 and "Traceback" not in answer.text
    assert [record.exc_info for record in caplog.records] in ([], [None]) and len(caplog.text) < 1000
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("body", JOINED, ids=lambda body: repr(body[:40]))
@pytest.mark.parametrize("path", ["queue/join", "run/predict", "run/nonesuch", "call/nonesuch", "call/echo", "cancel"])
def test_an_event_that_cannot_be_read(client, caplog, capfd, path: str, body: bytes):
    if path == "call/echo" and (body.startswith((b'{"data":[],', b'{"data":[1'))):
        pytest.skip("it names the event in its path, and may say what it likes beside")
    refused(client, caplog, capfd, "POST", f"/gradio_api/{path}", content=body, headers=JSON)


@pytest.mark.parametrize(("kind", "body"), UPLOADS, ids=lambda value: repr(value[:50]))
def test_an_upload_that_cannot_be_read(client, caplog, capfd, kind: str, body: bytes):
    refused(client, caplog, capfd, "POST", "/gradio_api/upload", content=body, headers={"content-type": kind})


@pytest.mark.parametrize("part", RANGES, ids=lambda part: part[:20])
def test_a_part_of_a_file_that_cannot_be_read(client, caplog, capfd, part: str):
    (path,) = client.post("/gradio_api/upload", files={"files": ("a.txt", io.BytesIO(b"hello" * 20))}).json()
    with caplog.at_level(logging.WARNING):
        answer = client.get(f"/gradio_api/file={path}", headers={"range": part})
    assert answer.status_code < 500 and len(caplog.text) < 1000
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("name", ["x-gradio-server", "x-forwarded-host", "x-forwarded-proto", "cookie", "origin"])
@pytest.mark.parametrize("value", ["http://[", "\xff", ";;=", "127.0.0.1:99999", "x" * 5000])
def test_a_header_that_cannot_be_read(client, caplog, capfd, name: str, value: str):
    with caplog.at_level(logging.WARNING):
        answer = client.get("/gradio_api/info", headers={name: value.encode("latin-1")})
    assert answer.status_code < 500 and len(caplog.text) < 1000
    assert "Traceback" not in capfd.readouterr().err


def test_what_is_no_mistake_of_a_request_is_raised(client, monkeypatch):
    def broken(*given: object) -> None:
        raise OSError("a broken disk")

    monkeypatch.setattr(Page, "get_api_info", broken)
    client.app.api_info = None
    with pytest.raises(OSError, match="a broken disk"):
        client.get("/gradio_api/info")


def test_a_line_of_the_log_holds_nothing_that_a_terminal_obeys(client, caplog):
    with caplog.at_level(logging.WARNING):
        client.post("/gradio_api/call/%1b%5b2J%0aforged", content=json.dumps({"data": []}), headers=JSON)
    (record,) = caplog.records
    assert record.getMessage().isprintable()
