"""Each condition of the guard on a request's headers holds by itself."""

from __future__ import annotations

import pytest
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from test_guard import HOME, OPENING, PLENTY, guarded, status

from ft.ui.body_limit import BodyLimit
from ft.ui.guard import Guard
from ft.ui.own_names import OwnNames


def test_what_only_says_that_it_is_a_page_opens_nothing():
    """A script of another page can ask for this one too; it then is no navigation."""
    for mode in ("no-cors", "cors", "same-origin", ""):
        assert status(guarded(), "/", **{**OPENING, "sec-fetch-mode": mode}) == 403


def test_a_request_names_one_host():
    two = [("host", HOME), ("host", HOME)]
    assert guarded().get("/config", headers=two).status_code == 400


@pytest.mark.parametrize(("port", "code"), [("", 200), (":443", 200), (":8443", 403), (":80", 403)])
def test_a_declared_name_sends_from_its_usual_port_alone(port, code):
    client = guarded("127.0.0.1", "tune.example")
    assert status(client, method="POST", origin=f"https://tune.example{port}") == code


def test_the_page_may_ask_nobody_but_the_app():
    policy = guarded().get("/config").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["connect-src"].split() == ["'self'", "data:", "blob:"]
    assert not any("*" in rule.split() for rule in rules.values())


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-forwarded-host", "tune.example/evil"),
        ("x-gradio-server", "https://tune.example/evil"),
        ("x-gradio-server", "javascript://tune.example/%0aalert(1)"),
        ("x-gradio-server", "javascript://tune.example"),
    ],
)
def test_what_is_forwarded_is_a_name_and_nothing_more(header, value):
    seen = []

    async def look(scope, receive, send):
        seen.extend(held for name, held in scope["headers"] if name == header.encode())
        await JSONResponse({})(scope, receive, send)

    guard = Guard(look, OwnNames.of("127.0.0.1", ["tune.example"]), BodyLimit(lambda wanted: PLENTY))
    assert TestClient(guard, base_url=f"http://{HOME}").get("/", headers={header: value}).status_code == 200
    assert seen == []


def test_what_says_itself_how_long_it_is_kept_is_kept_so_long():
    async def changed(scope, receive, send):
        await JSONResponse({}, headers={"cache-control": "no-cache"})(scope, receive, send)

    guard = Guard(changed, OwnNames.of("127.0.0.1", []), BodyLimit(lambda wanted: PLENTY))
    answer = TestClient(guard, base_url=f"http://{HOME}").get("/assets/core-Bdx9080F.js")
    assert answer.headers["cache-control"] == "no-cache"


def test_what_stands_before_all_paths_opens_none_that_is_closed():
    """As behind a proxy that shows the app under /side (GRADIO_ROOT_PATH)."""
    seen = []

    async def look(scope, receive, send):
        seen.append(scope["path"])
        await JSONResponse({})(scope, receive, send)

    guard = Guard(look, OwnNames.of("127.0.0.1", []), BodyLimit(lambda wanted: PLENTY), signed_in=lambda cookies: False)
    client = TestClient(guard, base_url=f"http://{HOME}", root_path="/side")
    for before in ("", "/side"):
        assert status(client, f"{before}/gradio_api/deep_link") == 404
        assert status(client, f"{before}/gradio_api/info") == 401
        assert status(client, f"{before}/login") == status(client, f"{before}/assets/x.js") == 200
    assert status(client, "/sidelong/login") == 401 and len(seen) == 4
