"""What a link or the browser's memory names, as the page's own script reads it in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from ft.ui import address

pytestmark = pytest.mark.slow
EVIL = "<img src=x onerror=alert(1)> # [a](http://elsewhere.test)"


@pytest.fixture(scope="module")
def script(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.add_script_tag(content=address.SCRIPT)
    yield page
    page.close()


def restored(script: Page, link: str, dataset: object, run: object) -> list[str]:
    found: list[str] = script.evaluate("(given) => window.sidetune.restore(...given)", [link, dataset, run])
    return found


def test_a_link_says_which_dataset_and_run(script):
    link = "?tab=chat&dataset=sample%40v2&run=2026-x&__theme=dark"
    assert restored(script, link, "other", "another") == ["sample@v2", "2026-x"]


def test_where_the_address_is_silent_the_browser_remembers(script):
    assert restored(script, "", "sample", "2026-x") == ["sample", "2026-x"]
    assert restored(script, "?dataset=", "sample", "2026-x") == ["sample", "2026-x"]


def test_a_damaged_memory_is_left_out(script):
    assert restored(script, "?tab=nowhere", None, {"odd": 1}) == ["", ""]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("chats", "chats"),
        ("My-chats_2.v3@v12", "My-chats_2.v3@v12"),
        ("@upload", "@upload"),
        ("20261120-100000-sample-1a2b", "20261120-100000-sample-1a2b"),
        *((text, "") for text in (EVIL, "", "../x", "a b", "a\n", "<img>", "x" * 300, "é", "[a](b)", "\x00", "a/b")),
    ],
)
def test_a_link_or_a_browser_names_nothing_of_another_form(script, given, kept):
    run = "" if "@" in kept else kept
    link = "?" + urlencode({"dataset": given, "run": given})
    assert restored(script, link, "old", "old") == ([kept, run] if given else ["old", "old"])
    assert restored(script, "", given, given) == [kept, run]
    assert restored(script, "?tab=chat", [given], {"run": given}) == ["", ""]


IN_A_ROW = """async () => {
  document.body.innerHTML = `<div id="steps"><button id="tab-data-button" aria-selected="true"></button></div>`;
  const page = window.sidetune, went = [];
  page.restore("?tab=train", "first", "");  // whose button is not drawn yet
  const asked = Array.from({length: 40}, async (_, number) => {
    await new Promise((done) => setTimeout(done, number * 7 % 90));
    const turn = went.length;
    went.push(number);
    await page.changed({[`part${number}`]: "new"});
    went[turn] = [went[turn], turn];
    return turn;
  });
  const order = [];
  asked.forEach((each) => each.then((turn) => order.push(turn)));
  await new Promise((done) => setTimeout(done, 150));
  const arriving = page.arrive();
  document.getElementById("steps").insertAdjacentHTML("beforeend", `<button id="tab-train-button"></button>`);
  document.getElementById("tab-train-button").onclick = () => {
    document.getElementById("tab-data-button").ariaSelected = "false";
    document.getElementById("tab-train-button").ariaSelected = "true";
  };
  await arriving;
  await Promise.all(asked);
  return order;
}"""


def test_what_was_changed_before_the_arrival_is_followed_in_its_order(browser: Browser):
    page = browser.new_page()
    page.goto("data:text/html,<body></body>")
    page.evaluate("history.replaceState = () => {}")
    page.add_script_tag(content=address.SCRIPT)
    page.evaluate("window.sidetune.link = '?tab=train'")
    assert page.evaluate(IN_A_ROW) == list(range(40))
    page.close()


def test_a_link_of_a_million_fields_names_the_first(script):
    assert restored(script, "?" + "&".join(["run=a"] * 1_000_000), "", "") == ["", "a"]
