"""A link that somebody else wrote puts none of its words or pictures on the page, nor on the next visit."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import expect
from synthetic_runs import events_of, write

from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.ui.strings import TAB_LABELS

pytestmark = pytest.mark.slow
LONG = 120_000  # milliseconds that an answer may take on a busy machine
EVIL = (
    "x** is locked.\n\n# Your session has expired\n\n[Sign in again](http://elsewhere.test/in) "
    "![b](http://elsewhere.test/b.png) <img src=http://elsewhere.test/c.png> <h1>Expired</h1>"
)


@pytest.fixture(scope="module", autouse=True)
def home(app) -> None:
    """The app's home has a dataset, and a run that can be talked to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(app.home))
        save(stage([sample_file()]), "sample")
    run = write(app.home, "good", events_of(lambda epoch: 4 - epoch, None, steps=20))
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(b"weights")


def test_a_hostile_link_draws_nothing_of_its_own_and_is_not_kept(browser, app):
    context = browser.new_context()
    page = context.new_page()
    hosts: set[str | None] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    hostile = [urlencode({"tab": tab, "dataset": EVIL, "run": EVIL}) for tab in TAB_LABELS]
    for link in (*hostile, "tab=chat"):
        page.goto(f"{app.url}/?{link}", timeout=LONG)
        expect(page.get_by_role("tab", selected=True).first).to_be_visible(timeout=LONG)
        page.wait_for_timeout(1500)  # what is drawn late
        body = page.locator("body").inner_text()
        assert "Sidetune" in body and "session has expired" not in body and "Sign in again" not in body
        assert page.locator("a[href*='elsewhere']").count() == page.locator("img[src*='elsewhere']").count() == 0
    context.close()
    assert not {host for host in hosts if host and host.endswith("elsewhere.test")}
