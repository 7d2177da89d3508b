"""The app as Hugging Face shows it: behind TLS, in a frame of huggingface.co, and in no frame of anybody else."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import App
from playwright.sync_api import Page, expect

from ft.ui.strings import TAB_LABELS

pytestmark = pytest.mark.slow
LONG = 120_000  # milliseconds that an answer may take on a busy machine
SPACE = {"SYSTEM": "spaces", "SPACE_ID": "somebody/sidetune", "SPACE_HOST": "somebody-sidetune.hf.space"}
STATE = '{"id": "somebody/sidetune", "runtime": {"stage": "RUNNING"}}'  # what Gradio's page asks Hugging Face first
FRAME = '<!doctype html><iframe src="https://somebody-sidetune.hf.space/" width="1200" height="800"></iframe>'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate with its key, for whatever name."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2"]
    subprocess.run([*command, "-keyout", f"{path}.key", "-out", f"{path}.crt"], check=True, capture_output=True)
    path.write_text(Path(f"{path}.key").read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.fixture
def behind_tls(certificate) -> Iterator[Callable[[Callable], int]]:
    """`behind_tls(handle)`: the port where asyncio's `handle(reader, writer)` answers, behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def serve(handle: Callable) -> int:
        started = asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        return asyncio.run_coroutine_threadsafe(started, loop).result().sockets[0].getsockname()[1]

    yield serve
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.fixture
def framed(tmp_path, monkeypatch, behind_tls, browser_with) -> Iterator[Page]:
    """A page of a browser that blocks third-party cookies, for which the Space and the pages around it are here."""
    for name, value in {**SPACE, "SIDETUNE_AUTH": "ada:a long one"}.items():
        monkeypatch.setenv(name, value)
    app = App(tmp_path / "home", tmp_path / "log")
    app.start()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            writer.write(data.replace(b"\r\nHost: ", b"\r\nX-Forwarded-Proto: https\r\nHost: "))
            await writer.drain()
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", app.port)
        await asyncio.gather(pipe(reader, forth), pipe(back, writer), return_exceptions=True)

    async def frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        body = STATE if b"/api/spaces/" in asked.partition(b"\r\n")[0] else FRAME
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nAccess-Control-Allow-Origin: *\r\nConnection: close"
        writer.write(f"{head}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    space, around = behind_tls(forward), behind_tls(frame)
    rules = f"MAP *.hf.space:443 127.0.0.1:{space}, MAP huggingface.co:443 127.0.0.1:{around}"
    rules += f", MAP evil.test:443 127.0.0.1:{around}"
    chromium = browser_with(f"--host-resolver-rules={rules}", "--test-third-party-cookie-phaseout")
    page = chromium.new_context(ignore_https_errors=True).new_page()
    page.set_default_timeout(LONG)
    yield page
    chromium.close()
    app.kill()


def test_the_space_s_page_shows_the_app_and_its_login_holds(framed):
    framed.goto("https://huggingface.co/spaces/somebody/sidetune")
    inside = framed.frame_locator("iframe")
    inside.get_by_label("username").fill("ada")
    inside.get_by_label("password").fill("a long one")
    inside.get_by_role("button", name="Login").click()
    expect(inside.get_by_role("tab", name=TAB_LABELS["data"])).to_be_visible(timeout=LONG)
    expect(inside.get_by_role("button", name="Try the sample").first).to_be_visible(timeout=LONG)


def test_another_page_shows_nothing_of_it(framed):
    framed.goto("https://evil.test/")
    framed.wait_for_timeout(2000)
    (frame,) = framed.main_frame.child_frames
    assert frame.url.startswith("chrome-error:")
