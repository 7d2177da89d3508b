"""A messy file becomes a dataset that one can trust, in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow
HELD = 120_000  # milliseconds that a page may take on a busy machine

FAQ = "Kundenfrage;Antwort vom Team\nWie öffnet man es?;Mit dem Schlüssel.\nwie öffnet  man es?;Mit dem Schlüssel.\n"
FAQ += "Wann kommt ihr?;Morgen früh, gegen acht.\nWer seid ihr?;\nWas kostet das?;Zehn Euro im Monat.\n"


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true").first


def panel(page: Page, name: str) -> None:
    page.locator("#data-panels").get_by_role("tab", name=name, exact=True).locator("visible=true").first.click()


def chats(folder: Path, name: str, count: int) -> str:
    """The path of a new file with so many conversations."""
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": f"{name} {n}?", "completion": f"Yes, {n}."}) for n in range(count)))
    return str(path)


def versions_of(app, name: str) -> list[str]:
    return sorted(path.name for path in (app.home / "datasets" / name).glob("v*"))


def test_from_a_messy_file_to_a_dataset_one_can_trust(page, app, tmp_path):
    messy = tmp_path / "faq.csv"
    messy.write_text(FAQ, encoding="cp1252")
    page.goto(app.url + "/?tab=data")
    page.locator("#data-files input[type=file]").set_input_files(str(messy))

    # Its columns have other names: they are guessed, and seen in a preview.
    expect(page.get_by_text("Which column is what?")).to_be_visible(timeout=HELD)
    expect(page.locator("#data-preview")).to_contain_text("Mit dem Schlüssel.")
    button(page, "Read it this way").click()
    expect(page.get_by_text("Read, but not saved yet")).to_be_visible(timeout=HELD)

    # A rejected record is mended and read again.
    panel(page, "What was read")
    expect(page.locator("#data-mend")).to_contain_text("1 of 1 rejected record")
    record = page.locator("#data-mend").get_by_label("The record")
    expect(record).to_have_value(re.compile("Wer seid ihr\\?"))
    record.fill(json.dumps({"Kundenfrage": "Wer seid ihr?", "Antwort vom Team": "Ein kleines Team."}))
    button(page, "Read it again").click()
    expect(page.locator("#data-mend")).not_to_be_visible(timeout=HELD)
    page.get_by_label("Name of the dataset").fill("faq")
    button(page, "Save dataset").click()
    expect(page.get_by_text(re.compile("Version 1, "))).to_be_visible(timeout=HELD)

    # A turn is edited, and the edit undone and done again.
    panel(page, "Conversations")
    expect(page.get_by_text("5 conversations", exact=True)).to_be_visible()
    page.get_by_label("Search in the text").fill("KOSTET")
    page.get_by_label("Search in the text").press("Enter")
    expect(page.get_by_text("1 of 5 conversations")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Edit conversation")).locator("visible=true").first.click()
    page.get_by_label("Text of turn 2").fill("Zwölf Euro im Monat.")
    button(page, "Keep it").click()
    bubbles = page.locator(".conversation-slot").locator("visible=true").first
    expect(bubbles).to_contain_text("Zwölf Euro", timeout=HELD)
    button(page, "Undo").click()
    expect(bubbles).to_contain_text("Zehn Euro", timeout=HELD)
    button(page, "Redo").click()
    expect(bubbles).to_contain_text("Zwölf Euro", timeout=HELD)

    # Duplicates go, and the history tells what happened.
    panel(page, "Duplicates")
    button(page, "Look for duplicates").click()
    expect(page.locator("#data-groups")).to_contain_text("1 group", timeout=HELD)
    button(page, "Keep one of each, delete 1").click()
    expect(page.get_by_text(re.compile("Version 3, .*1 duplicate deleted"))).to_be_visible(timeout=HELD)
    assert versions_of(app, "faq") == ["v1", "v2", "v3"]
    panel(page, "History")
    expect(page.locator("#data-versions")).to_contain_text("in use")
    page.locator("#data-versions label").last.click()
    button(page, "What differs from the one in use").click()
    expect(page.locator("#data-difference")).to_contain_text("1 removed, 1 changed", timeout=HELD)

    # The check-up speaks, and the microscope shows what is learnt.
    panel(page, "Check-up")
    button(page, "Check the dataset").click()
    expect(page.locator("#data-findings")).to_contain_text("Few conversations", timeout=HELD)
    panel(page, "Tokens")
    button(page, "Look at it").click()
    expect(page.locator("#data-tokens")).to_contain_text(
        "The token that ends a turn is learnt in 1 of 1 reply", timeout=HELD
    )
    expect(page.locator("#data-tokens .tok.trained.special")).to_have_text("<|im_end|>")
    button(page, "Count the tokens of all conversations").click()
    expect(page.get_by_text("in 4 conversations")).to_be_visible(timeout=HELD)

    panel(page, "Export")
    button(page, "Make the file").click()
    with page.expect_download() as download:
        button(page, "Download").click()
    assert download.value.suggested_filename == "faq-messages.jsonl"
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4 and "Zwölf" in "".join(lines)

    # What was counted goes with what it was counted of.
    page.locator("#data-files input[type=file]").set_input_files(chats(tmp_path, "more", 3))
    expect(page.get_by_role("heading", name="more.jsonl", exact=True)).to_be_visible(timeout=HELD)
    expect(page.locator("#data-tokens .tok")).to_have_count(0, timeout=HELD)
    expect(page.get_by_text("in 4 conversations")).to_have_count(0)


def test_conversations_chosen_on_two_pages_are_deleted_together_and_listeners_come_to_rest(page, app, tmp_path):
    page.goto(app.url + "/?tab=data")
    page.locator("#data-files input[type=file]").set_input_files(chats(tmp_path, "many", 60))
    page.get_by_label("Name of the dataset").fill("many")
    button(page, "Save dataset").click()
    expect(page.get_by_text(re.compile("Version 1, "))).to_be_visible(timeout=HELD)
    expect(page.get_by_text("60 conversations", exact=True)).to_be_visible()
    page.get_by_label("Choose").locator("visible=true").nth(1).check()
    button(page, "Next").click()
    expect(page.get_by_text("6 to 10 of 60")).to_be_visible()
    page.get_by_label("Choose").locator("visible=true").nth(0).check()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    button(page, "Delete them").click()
    expect(page.get_by_text("58 conversations", exact=True)).to_be_visible(timeout=HELD)

    asked: list[str] = []
    page.wait_for_timeout(1500)
    page.on("request", lambda request: asked.append(request.url) if "queue/join" in request.url else None)
    page.wait_for_timeout(2000)
    assert asked == []


def test_what_is_not_saved_yet_is_still_looked_at_after_a_refresh_and_undo_brings_changes_back(page, app, tmp_path):
    page.goto(app.url + "/?tab=data")
    page.locator("#data-files input[type=file]").set_input_files(chats(tmp_path, "first", 9))
    expect(page.get_by_label("Name of the dataset")).to_have_value("first", timeout=HELD)
    button(page, "Save dataset").click()
    expect(page.get_by_text(re.compile("Version 1, "))).to_be_visible(timeout=HELD)
    page.locator("#data-files input[type=file]").set_input_files(chats(tmp_path, "second", 9))
    expect(page.get_by_text("Read, but not saved yet")).to_be_visible(timeout=HELD)
    expect(page.get_by_text("9 conversations", exact=True)).to_be_visible(timeout=HELD)
    button(page, "Delete conversation 1").click()
    expect(page.get_by_text("8 conversations", exact=True)).to_be_visible(timeout=HELD)
    page.reload()
    expect(page.get_by_text("Conversation 1 deleted")).to_be_visible(timeout=HELD)
    expect(page.get_by_text("8 conversations", exact=True)).to_be_visible(timeout=HELD)
    button(page, "Undo").click()
    expect(page.get_by_text("9 conversations", exact=True)).to_be_visible(timeout=HELD)

    # A name that is taken is asked about, and a dataset is not replaced unasked.
    page.get_by_label("Name of the dataset").fill("first")
    button(page, "Save dataset").click()
    button(page, "Save as version 2 of first").click(timeout=HELD)
    expect(page.get_by_text(re.compile("Version 2, "))).to_be_visible(timeout=HELD)
    assert versions_of(app, "first") == ["v1", "v2"]


def test_what_is_typed_in_the_editor_waits_while_another_dataset_is_looked_at(page, app, tmp_path):
    page.goto(app.url + "/?tab=data")
    for name in ("soups", "cakes"):
        page.locator("#data-files input[type=file]").set_input_files(chats(tmp_path, name, 9))
        expect(page.get_by_label("Name of the dataset")).to_have_value(name, timeout=HELD)
        button(page, "Save dataset").click()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=HELD)
        expect(page.get_by_text(re.compile("Version 1, "))).to_be_visible(timeout=HELD)
    button(page, "Edit conversation 3").click(timeout=HELD)
    page.get_by_label("Text of turn 2").fill("With a cherry on top.")
    there = page.locator("#data-there label")
    there.filter(has_text="soups").click()
    waits = page.get_by_text("Being edited: Conversation 3 of cakes.")
    expect(waits).to_be_visible(timeout=HELD)
    expect(page.locator("#data-editor")).not_to_be_visible()
    expect(page.locator(".conversation-slot").first).to_contain_text("soups 0?")
    button(page, "Go on with it").press("Enter")
    expect(page.get_by_label("Text of turn 2")).to_have_value("With a cherry on top.", timeout=HELD)
    expect(waits).not_to_be_visible()
    button(page, "Keep it").click()
    expect(page.locator(".conversation-slot").nth(2)).to_contain_text("With a cherry on top.", timeout=HELD)
    assert versions_of(app, "cakes") == ["v1", "v2"] and versions_of(app, "soups") == ["v1"]


def test_filters_are_named_where_nothing_passes_in_one_row_above_the_list_and_lengths_stay_empty(page, app, tmp_path):
    page.goto(app.url + "/?tab=data")
    page.locator("#data-files input[type=file]").set_input_files(chats(tmp_path, "pasta", 30))
    expect(page.get_by_text("30 conversations", exact=True)).to_be_visible(timeout=HELD)
    expect(page.locator(".conversation-slot").first).to_contain_text("pasta 0?", timeout=HELD)
    button(page, "More filters").click()
    lengths = [page.get_by_label(label) for label in ("At least so long", "At most so long")]
    lengths[1].fill("1,000")
    lengths[1].press("Enter")
    expect(button(page, "At most 1,000 characters")).to_be_visible(timeout=HELD)
    lengths[0].fill("abc")
    lengths[0].press("Enter")
    expect(page.get_by_text("it is not a number from 0 on")).to_be_visible(timeout=HELD)
    lengths[0].fill("")
    lengths[0].press("Enter")
    expect(page.get_by_text("it is not a number from 0 on")).to_have_count(0, timeout=HELD)
    said = page.locator("#data-list").get_by_text("30 conversations")
    row = [said, button(page, "Choose all 30"), button(page, "Write a new one")]
    before, boxes = [], [each.bounding_box() for each in row]
    while boxes != before:  # until nothing moves any more
        before, boxes = boxes, [each.bounding_box() for each in row]
    middles = [box["y"] + box["height"] / 2 for box in boxes]
    assert max(middles) - min(middles) < 10
    page.get_by_label("Search in the text").fill("rice")
    page.get_by_label("Search in the text").press("Enter")
    expect(page.get_by_text("None of 30 conversations passes these filters.")).to_be_visible(timeout=HELD)
    # What is refused is seen also where no bar stands above the list: it all fits on one page.
    lengths[0].fill("abc")
    lengths[0].press("Enter")
    expect(page.get_by_text("it is not a number from 0 on")).to_be_visible(timeout=HELD)
    button(page, "Text: rice").click()
    expect(button(page, "Choose all 30")).to_be_visible(timeout=HELD)
    expect(page.get_by_label("Search in the text")).to_have_value("")
    button(page, "At most 1,000 characters").click()
    expect(page.locator("#data-filters")).not_to_be_visible(timeout=HELD)
    button(page, "Try the sample").click()
    expect(page.get_by_role("heading", name="sample.jsonl")).to_be_visible(timeout=HELD)
    for field in lengths:
        expect(field).to_have_value("")


def test_a_dataset_is_deleted_once_that_is_meant(page, app, tmp_path):
    page.goto(app.url + "/?tab=data")
    page.locator("#data-files input[type=file]").set_input_files(chats(tmp_path, "doomed", 9))
    expect(page.get_by_label("Name of the dataset")).to_have_value("doomed", timeout=HELD)
    button(page, "Save dataset").click()
    expect(page.get_by_text(re.compile("Version 1, "))).to_be_visible(timeout=HELD)
    expect(page).to_have_url(re.compile("dataset=doomed"), timeout=HELD)
    panel(page, "History")
    button(page, "Delete this dataset").click()
    question = page.get_by_text("All of doomed would be gone for good: 1 version")
    expect(question).to_be_visible(timeout=HELD)
    button(page, "Keep it").click()
    expect(question).not_to_be_visible(timeout=HELD)
    assert versions_of(app, "doomed") == ["v1"]
    button(page, "Delete this dataset").click()
    expect(question).to_be_visible(timeout=HELD)
    button(page, "Yes, delete it for good").click()
    expect(page).not_to_have_url(re.compile("dataset=doomed"), timeout=HELD)
    assert not versions_of(app, "doomed")
