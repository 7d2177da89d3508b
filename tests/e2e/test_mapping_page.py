"""Which column is what, asked in a browser of a table with one message a row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file

pytestmark = pytest.mark.slow
HELD = 120_000  # milliseconds that a page may take on a busy machine

LOG = """Ticket no;Sent on;Author;Body
7;2024-01-31 10:05;Desk;It comes tomorrow.
7;2024-01-31 10:00;Ann Lee;Where is my parcel?
8;2024-01-31 11:05;Desk;At nine.
8;2024-01-31 11:00;Ann Lee;When do you open?
"""


def test_a_table_of_one_message_a_row_is_read_as_the_screen_says(page: Page, app, tmp_path: Path):
    (tmp_path / "tickets.csv").write_text(LOG)
    page.goto(app.url + "/?tab=data")
    page.locator("#data-files input[type=file]").set_input_files(str(tmp_path / "tickets.csv"))
    screen = page.locator("#data-mapping")
    expect(screen.get_by_text("Which column is what?")).to_be_visible(timeout=HELD)
    expect(screen.get_by_label("One message in each record")).to_be_checked()
    expect(screen).to_contain_text("--map 'conversation=Ticket no'")
    expect(screen.get_by_label("Conversation", exact=True)).to_have_value("Ticket no")
    expect(screen.get_by_label("Order")).to_have_value("Sent on")
    chats = page.locator("#data-preview article")
    expect(chats).to_have_count(2)
    expect(chats.first).to_contain_text("Where is my parcel?")

    # Another shape has other fields; back again, the choices are there still.
    screen.get_by_label("A prompt and a reply in each record").check()
    expect(screen.get_by_label("Who speaks")).to_be_hidden(timeout=HELD)
    screen.get_by_label("One message in each record").check()
    expect(screen.get_by_label("Conversation", exact=True)).to_have_value("Ticket no", timeout=HELD)
    expect(chats).to_have_count(2, timeout=HELD)
    screen.get_by_role("button", name="Read it this way").click()
    expect(page.get_by_text("Read, but not saved yet")).to_be_visible(timeout=HELD)
    expect(page.get_by_text("4 repairs were made")).to_be_visible()


def test_another_choice_or_no_file_any_more_ends_the_question(page: Page, app, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SIDETUNE_HOME", str(app.home))
    for name in ("chosen", "newest"):
        save(stage([sample_file()]), name)
    (tmp_path / "tickets.csv").write_text(LOG)
    page.goto(app.url + "/?tab=data")
    screen, files = page.locator("#data-mapping"), page.locator("#data-files")
    for how in ("another dataset", "no file"):
        files.locator("input[type=file]").set_input_files(str(tmp_path / "tickets.csv"))
        expect(screen.get_by_text("Which column is what?")).to_be_visible(timeout=HELD)
        if how == "another dataset":
            page.locator("#data-there").get_by_label("chosen").check()
            expect(screen.get_by_text("Which column is what?")).to_be_hidden(timeout=HELD)
        files.get_by_role("button", name=re.compile("clear|remove", re.I)).first.click()
        expect(screen.get_by_text("Which column is what?")).to_be_hidden(timeout=HELD)
        expect(page.get_by_role("heading", name="chosen", exact=True)).to_be_visible(timeout=HELD)
