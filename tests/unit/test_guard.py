"""The guard in front of the app: which requests it lets in, and what every answer tells the browser."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from answers import waited
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ft.hosting import is_loopback
from ft.ui.body_limit import OTHER, UPLOAD, BodyLimit
from ft.ui.guard import Guard
from ft.ui.own_names import OwnNames

HOME = "127.0.0.1:7860"
PLENTY = 10**12
OPENING = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
FRAMING = {**OPENING, "sec-fetch-dest": "iframe"}
COOKIE = "access-token-x=1; HttpOnly; Path=/; SameSite=none; Secure"


async def app(scope, receive, send):
    """Answers whatever it is asked, having read all of it."""
    while (message := await receive()).get("more_body"):
        pass
    assert message["type"] == "http.request"
    await JSONResponse({"path": scope["path"]}, headers={"set-cookie": COOKIE})(scope, receive, send)


def guarded(host: str = "127.0.0.1", *declared: str, room: int = PLENTY, **how) -> TestClient:
    guard = Guard(app, OwnNames.of(host, declared), BodyLimit(lambda wanted: room), **how)
    return TestClient(guard, base_url=f"http://{HOME}")


def status(client: TestClient, path: str = "/config", method: str = "GET", **headers: str) -> int:
    return client.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ).status_code


@pytest.mark.parametrize("name", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860", "127.0.0.1"])
def test_a_local_app_answers_to_the_names_of_this_machine(name):
    assert status(guarded(), host=name) == 200


@pytest.mark.parametrize(
    "name",
    [
        *("evil.test", "x.localhost:7860", "localhost.:7860", "localhost.evil.test", "127.0.0.1.evil.test"),
        *("192.168.1.5", "[::1]evil.test", "user@localhost", "0.0.0.0:7860", "2130706433", "localhost:7860:1", ""),
    ],
)
def test_a_local_app_answers_to_no_other_name(name):
    assert status(guarded(), host=name) in (400, 403)


@pytest.mark.parametrize("name", ["192.168.1.5:7860", "[fe80::1]:7860", "localhost", "127.0.0.1", "tune.example"])
def test_an_app_on_all_addresses_answers_to_any_address_and_to_the_names_it_was_given(name):
    assert status(guarded("0.0.0.0", "tune.example"), host=name) == 200


@pytest.mark.parametrize("name", ["evil.test:7860", "sub.tune.example", "tune.example.evil.test", "1.2.3.4.evil.test"])
def test_an_app_on_all_addresses_answers_to_no_other_name(name):
    assert status(guarded("0.0.0.0", "tune.example"), host=name) == 403


def test_the_refusal_of_a_name_says_how_to_allow_it():
    answer = guarded("0.0.0.0").get("/", headers={"host": "tune.example"})
    assert "--allow-host tune.example" in answer.text and answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (HOME, f"http://{HOME}"),
        ("tune.example", "https://tune.example"),  # a proxy ends TLS
        ("tune.example", "https://tune.example:443"),
        (HOME, "https://tune.example"),  # a proxy asks under a name of its own
    ],
)
def test_its_own_page_is_let_in(host, origin):
    assert status(guarded("127.0.0.1", "tune.example"), method="POST", host=host, origin=origin) == 200


def test_the_port_that_a_proxy_left_out_does_not_matter_where_the_browser_vouches():
    asked = {"host": "tune.example", "origin": "https://tune.example:8443"}
    client = guarded("127.0.0.1", "tune.example")
    assert status(client, **asked) == 403
    assert status(client, **asked, sec_fetch_site="same-origin") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://localhost:7860"},  # the same machine, and not what it asked for
        {"origin": "https://127.0.0.1:7860.evil.test"},
        {"origin": "file://"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        OPENING,  # of something that is not the page
        FRAMING,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_page_elsewhere_is_refused_and_granted_nothing(headers, method):
    asked = {"access-control-request-method": "POST", **headers}
    answer = guarded().request(method, "/gradio_api/upload", headers=asked)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_link_opens_the_page_and_nothing_else():
    assert status(guarded(), "/?tab=runs", **OPENING) == 200
    assert status(guarded(), "/gradio_api/file=/x", **OPENING) == 403
    assert status(guarded(), "/", "POST", **OPENING) == 403
    assert status(guarded(), "/", **FRAMING) == 403


def test_a_space_is_shown_in_the_frame_of_its_page_and_in_no_other():
    client = guarded("0.0.0.0", "me-tune.hf.space", space=True)
    answer = client.get("/", headers={"host": "me-tune.hf.space", **FRAMING})
    assert answer.status_code == 200
    assert "frame-ancestors https://huggingface.co" in answer.headers["content-security-policy"]
    assert "x-frame-options" not in answer.headers
    assert "SameSite=none; Partitioned; Secure" in answer.headers["set-cookie"]


def test_every_answer_tells_the_browser_to_keep_others_out():
    for answer in (guarded().get("/"), guarded().get("/", headers={"origin": "http://evil.test"})):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'self'" in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        told = {"x-frame-options": "DENY", "x-content-type-options": "nosniff", "referrer-policy": "same-origin"}
        assert told.items() <= dict(answer.headers).items()
    assert "SameSite=lax" in guarded().get("/").headers["set-cookie"]


def test_what_has_a_hash_in_its_name_is_asked_for_once():
    assert guarded().get("/assets/index-Bdx9080F.js").headers["cache-control"].endswith("immutable")
    assert "cache-control" not in guarded().get("/config").headers


@pytest.mark.parametrize(
    ("header", "form"),
    [("x-forwarded-host", "{}"), ("x-gradio-server", "https://{}/"), ("x-gradio-server", "{}:80")],
)
def test_a_forwarded_name_that_is_not_its_own_never_reaches_the_page(header, form):
    seen = []

    async def look(scope, receive, send):
        seen.append([value for name, value in scope["headers"] if name == header.encode()])
        await JSONResponse({})(scope, receive, send)

    guard = Guard(look, OwnNames.of("127.0.0.1", ["tune.example"]), BodyLimit(lambda wanted: PLENTY))
    for name in ("evil.test", "tune.example"):
        TestClient(guard, base_url=f"http://{HOME}").get("/", headers={header: form.format(name)})
    assert seen == [[], [form.format("tune.example").encode()]]


def test_without_a_login_only_the_login_page_is_there():
    client = guarded(signed_in=lambda cookies: cookies.get("who") == "ada")
    hidden = ("/gradio_api/info", "/gradio_api/heartbeat/x", "/gradio_api/cancel", "/gradio_api/reset")
    for path in (*hidden, "/gradio_api/app_id", "/openapi.json", "/gradio_api/upload", "/gradio_api/queue/data"):
        assert status(client, path) in (401, 404), path
        assert status(client, path, cookie="a=b; who=eve") in (401, 404), path
    assert status(client, "/gradio_api/info", cookie="a=b; who=ada") == 200
    assert {status(client, path) for path in ("/", "/login", "/assets/a.js", "/theme.css")} == {200}


@pytest.mark.parametrize(
    "path",
    [
        *("/monitoring/summary", "/gradio_api/file=HTTP://a.test/b", "/gradio_api/deep_link", "/gradio_api/api/chat"),
        *("/gradio_api/call/v2/chat", "/gradio_api/stream/x", "/gradio_api/queue/status", "/gradio_api/openapi.json"),
    ],
)
def test_what_the_page_never_asks_for_is_not_there(path):
    assert status(guarded(), path) == 404


def test_a_stream_that_says_that_its_session_is_gone_just_ends():
    async def said(request):
        yield "session_not_found"
        raise HTTPException(404)

    streams = Starlette(routes=[Route("/stream", lambda request: StreamingResponse(said(request)))])
    guard = Guard(streams, OwnNames.of("127.0.0.1"), BodyLimit(lambda wanted: PLENTY))
    answer = TestClient(guard, base_url=f"http://{HOME}").get("/stream")
    assert (answer.status_code, answer.text) == (200, "session_not_found")


def test_what_the_app_raises_is_not_hidden():
    async def broken(scope, receive, send):
        raise RuntimeError("a bug")

    guard = Guard(broken, OwnNames.of("127.0.0.1"), BodyLimit(lambda wanted: PLENTY))
    with pytest.raises(RuntimeError, match="a bug"):
        TestClient(guard, base_url=f"http://{HOME}").get("/")


def test_a_websocket_is_not_opened():
    with pytest.raises(WebSocketDisconnect), guarded().websocket_connect("/gradio_api/queue/join"):
        pass


def test_a_request_brings_no_more_than_its_limit_whether_it_says_so_or_not():
    client = guarded()
    large = b"x" * (OTHER + 1)
    assert client.post("/gradio_api/queue/join", content=large).status_code == 413
    assert client.post("/gradio_api/queue/join", content=large[:1000]).status_code == 200
    with pytest.raises(Exception, match="maximum allowed size is 64 MB"):  # the parser of the app answers it
        client.post("/gradio_api/queue/join", content=iter([large[: OTHER // 2]] * 3))
    declared = {"content-length": str(UPLOAD + 2**21)}
    answer = client.post("/gradio_api/upload", content=b"x", headers=declared)
    assert answer.status_code == 413 and "200 MB for all of them together" in answer.text


@pytest.mark.parametrize("path", ["/gradio_api/upload_progress", "/gradio_api/queue/data", "/"])
def test_whoever_leaves_while_nothing_is_uploaded_is_just_gone(path: str):
    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def heard() -> str:
        async with BodyLimit(lambda wanted: PLENTY).of(path, Headers(), gone) as receive:
            return (await receive())["type"]

    assert waited(heard()) == "http.disconnect"


def test_an_upload_that_there_is_no_room_for_is_refused_in_words():
    client = guarded(room=1000)
    assert client.post("/gradio_api/upload", content=b"x" * 900).status_code == 200
    answer = client.post("/gradio_api/upload", content=b"x" * 1100)
    assert answer.status_code == 413 and "no room" in answer.text


def test_uploads_that_never_come_take_no_room():
    async def heard() -> list[str]:
        limit = BodyLimit(lambda wanted: UPLOAD + 2**20)
        headers = Headers({"content-length": str(UPLOAD)})

        async def stalls() -> dict[str, Any]:
            return {"type": "http.request", "body": b"x", "more_body": True}

        async with AsyncExitStack() as held:
            for _ in range(20):
                receive = await held.enter_async_context(limit.of("/gradio_api/upload", headers, stalls))
                await receive()
            small = Headers({"content-length": "5000"})
            receive = await held.enter_async_context(limit.of("/gradio_api/upload", small, stalls))
            return (await receive())["type"]

    assert waited(heard()) == "http.request"


def test_uploads_at_once_bring_no_more_than_there_is_room_for():
    async def heard() -> int:
        limit = BodyLimit(lambda wanted: 1000)
        headers = Headers({"content-length": "900"})

        async def brings() -> dict[str, Any]:
            return {"type": "http.request", "body": b"x" * 400, "more_body": True}

        async with AsyncExitStack() as held:
            both = [await held.enter_async_context(limit.of("/gradio_api/upload", headers, brings)) for _ in range(2)]
            for came in range(4):
                try:
                    await both[came % 2]()
                except MultiPartException as refused:
                    assert "no room" in str(refused.message)
                    return came
            return 4

    assert waited(heard()) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]", "127.1"])
def test_hosts_that_only_this_machine_reaches(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "no such name", "0"])
def test_hosts_that_others_reach(host):
    assert not is_loopback(host)
