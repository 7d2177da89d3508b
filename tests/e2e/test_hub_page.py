"""A dataset comes from the Hub and goes back to it, in a real browser and with a Hub of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fake_hub import Hub, Repo, served
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.slow
HELD = 120_000  # milliseconds that a page may take on a busy machine
ROWS = "\n".join(json.dumps({"prompt": f"Question {n}?", "completion": f"Answer {n}."}) for n in range(30)).encode()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Hub]:
    with served() as served_hub:
        monkeypatch.setenv("HF_ENDPOINT", served_hub.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield served_hub


def test_a_dataset_of_the_hub_is_fetched_saved_and_written_back(browser: Browser, hub: Hub, own_app):
    hub.repos["ada/chats"] = Repo({"data/train.jsonl": ROWS, "data/test.jsonl": ROWS})
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(own_app.url + "/?tab=data")
    page.get_by_role("button", name="From the Hugging Face Hub").click()
    page.locator("#hub-from textarea, #hub-from input").fill("ada/chats")
    page.get_by_role("button", name="Fetch it").click()
    expect(page.get_by_text("Not taken: data/test.jsonl")).to_be_visible(timeout=HELD)
    expect(page.get_by_text("30 conversations", exact=True)).to_be_visible(timeout=HELD)
    page.get_by_label("Name of the dataset").fill("theirs")
    page.get_by_role("button", name="Save dataset").click()
    page.get_by_role("tab", name="Export").locator("visible=true").first.click(timeout=HELD)
    page.get_by_role("button", name="To the Hugging Face Hub").click()
    page.locator("#hub-to textarea, #hub-to input").fill("ada/mine")
    page.get_by_role("textbox", name="Access token").locator("visible=true").last.fill("hf_mine")
    page.get_by_role("button", name="Write it to the Hub").click()
    expect(page.locator("#hub-pushed")).to_contain_text("Only you can see it", timeout=HELD)
    page.close()
    assert hub.repos["ada/mine"].private and "30 records read" in hub.repos["ada/mine"].files["README.md"].decode()
    assert set(hub.tokens) == {"hf_mine"}
