"""The page with a keyboard, and by ear: names, what is open, what is said and how long, where the focus goes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow
HELD = 120_000  # milliseconds that a page may take on a busy machine


@pytest.fixture
def chats(tmp_path: Path) -> str:
    path = tmp_path / "kitchen.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": f"Dish {n}?", "completion": f"Soup {n}."}) for n in range(30)))
    return str(path)


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true").first


def test_the_focus_goes_on_where_what_had_it_goes_away(page, app, chats):
    page.goto(app.url + "/?tab=data")
    page.locator("#data-files input[type=file]").set_input_files(chats)
    expect(page.get_by_label("Name of the dataset")).to_have_value("kitchen", timeout=HELD)
    button(page, "Save dataset").press("Enter")
    expect(button(page, "Train on it")).to_be_focused(timeout=HELD)
    expect(page.get_by_role("status").filter(has_text="kitchen is saved: version 1.")).to_be_visible()

    # A filter that is removed goes with its button.
    page.get_by_label("Search in the text").fill("soup 1")
    page.get_by_label("Search in the text").press("Enter")
    button(page, "Text: soup 1").press("Enter")
    expect(page.get_by_text("30 conversations", exact=True)).to_be_visible(timeout=HELD)
    expect(button(page, "Next")).to_be_focused(timeout=HELD)

    # Another tab hides the button that went there.
    button(page, "Train on it").press("Enter")
    expect(page.get_by_role("tab", name="2 Train")).to_be_focused(timeout=HELD)
    expect(page.get_by_role("tab", name="2 Train")).to_have_attribute("aria-selected", "true")

    # A list of choices opens where the focus comes to it, and is shut where it goes on.
    for label in ("What it learns from", "What it starts from", "How it learns"):
        while not page.get_by_label(label).locator("visible=true").evaluate("(box) => box === document.activeElement"):
            page.keyboard.press("Tab")
        expect(page.get_by_role("listbox")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(button(page, "Advanced settings")).to_be_focused()
    expect(page.get_by_role("listbox")).to_have_count(0)


def test_folds_say_whether_they_are_open_and_are_named_without_their_arrow(page, app):
    for tab in ("data", "train"):
        page.goto(f"{app.url}/?tab={tab}")
        expect(page.get_by_role("tab", name=tab.title())).to_have_attribute("aria-selected", "true", timeout=HELD)
        folds = page.locator("button.label-wrap").locator("visible=true")
        expect(folds.first).to_be_visible(timeout=HELD)
        for fold in folds.all():
            expect(fold).to_have_attribute("aria-expanded", "false")
            expect(fold).to_have_accessible_name(re.compile("^[^▼◀]+$"))
    page.goto(f"{app.url}/?tab=data")
    fold = button(page, "How to read them")
    fold.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    fold.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "false")


def test_the_place_for_files_has_a_name_that_is_written_on_it_before_and_after_files_came(page, app, chats):
    page.goto(app.url + "/?tab=data")
    place = page.locator("#data-files button.upload-container")
    expect(place).to_have_accessible_name(re.compile("Drop File Here.*Click to Upload"), timeout=HELD)
    page.locator("#data-files input[type=file]").set_input_files(chats)
    expect(button(page, "Add more files")).to_be_visible(timeout=HELD)
    expect(page.locator("#data-files [title='common.upload'], #data-files [aria-label='common.upload']")).to_have_count(
        0
    )
    for open_chooser in (
        button(page, "Add more files").click,
        lambda: button(page, "Add more files").press("Enter"),
    ):
        with page.expect_file_chooser() as chooser:
            open_chooser()
        assert chooser.value.is_multiple()


SAY = """(words) => {
  let box = document.querySelector("[data-testid=toast-body]");
  if (!box) {
    box = document.createElement("div");
    box.dataset.testid = "toast-body";
    box.innerHTML = '<button data-testid="toast-close">x</button>';
    box.firstChild.onclick = () => box.remove();
    document.body.append(box);
  }
  box.insertAdjacentHTML("beforeend", `<p data-testid="toast-text">${words}</p>`);
}"""


def test_a_message_is_not_closed_by_the_time_of_an_earlier_one(page, app):
    """Messages made by hand: the clock stands still until it is moved, and no answer has to come meanwhile."""
    page.clock.install()
    page.goto(app.url + "/?tab=data")
    page.wait_for_function("window.sidetune?.arrived", timeout=HELD)
    messages = page.locator("[data-testid=toast-text]")
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 60)
    page.evaluate(SAY, "first")
    page.clock.run_for(8_000)
    page.evaluate(SAY, "second")
    page.clock.run_for(12_000)  # more than the first message had left, and less than the second has
    expect(messages).to_have_count(2)
    page.clock.run_for(8_000)
    expect(messages).to_have_count(0)


HEARD = """
window.heard = [];
new MutationObserver(() => {
  for (const said of document.querySelectorAll(".sr-only[role=status]")) {
    const words = said.textContent.trim();
    if (words && window.heard.at(-1) !== words) window.heard.push(words);
  }
}).observe(document, {childList: true, subtree: true, characterData: true});
"""


def test_what_is_said_of_work_to_those_who_hear_the_page_is_in_words(page, app, chats):
    page.add_init_script(HEARD)
    page.goto(app.url + "/?tab=data")
    page.locator("#data-files input[type=file]").set_input_files(chats)
    expect(page.get_by_label("Name of the dataset")).to_have_value(re.compile("kitchen"), timeout=HELD)
    button(page, "Edit conversation 1").click()
    page.wait_for_function("window.heard.includes('Done')", timeout=HELD)
    heard = page.evaluate("window.heard")
    assert "Error" not in heard
    assert not [words for words in heard if "." in words.strip(".")], heard
