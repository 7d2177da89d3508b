"""axe-core finds nothing of weight on any tab, in the states that people see, light and dark."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from untrained import write_untrained

from ft.dataset import build, edit
from ft.dataset.change import deletion
from ft.dataset.sample import sample_file

pytestmark = pytest.mark.slow
LONG = 300_000  # milliseconds that an answer may take on a busy machine
UNFADED = "* { transition: none !important; animation-duration: 0s !important; }"  # colors are measured as they end
TABLE = "Frage;Antwort\nWie?;So.\nWann?;Morgen.\n"
RECORDS = [{"prompt": f"Dish {n // 2}? <b>", "completion": f"Soup {n // 2}, " * 80} for n in range(12)]


@pytest.fixture(scope="module")
def home(app, tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's home with two versions of a dataset, an odd one with a rejected record, and a finished run."""
    odd = tmp_path_factory.mktemp("files") / "odd.jsonl"
    odd.write_text("\n".join(map(json.dumps, [*RECORDS, {"prompt": "No reply"}])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(app.home))
        build.save(build.stage([build.SourceFile(odd, odd.name)]), "odd")
        edit.apply(build.save(build.stage([sample_file()]), "sample"), deletion([0]))
        write_untrained(app.home, tiny_model)
    return app.home


def button(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("button", name=name, exact=isinstance(name, str)).locator("visible=true").first


def panel(page: Page, name: str) -> None:
    page.locator("#data-panels").get_by_role("tab", name=name, exact=True).locator("visible=true").first.click()


def conversations(page: Page) -> None:
    button(page, "More filters").click()
    page.get_by_label("Search in the text").fill("soup")
    page.get_by_label("Search in the text").press("Enter")
    expect(button(page, "Text: soup")).to_be_visible(timeout=LONG)
    page.get_by_label("Choose").locator("visible=true").nth(1).check()
    expect(page.get_by_text("1 chosen")).to_be_visible(timeout=LONG)
    page.locator(".long summary").first.click()


def editor(page: Page) -> None:
    panel(page, "Conversations")
    button(page, "Edit conversation 1").click(timeout=LONG)
    expect(page.get_by_label("Text of turn 2")).to_be_visible(timeout=LONG)


def what_was_read(page: Page) -> None:
    panel(page, "What was read")
    expect(page.get_by_text("1 of 1 rejected record")).to_be_visible(timeout=LONG)


def check_up(page: Page) -> None:
    panel(page, "Check-up")
    button(page, "Check the dataset").click()
    expect(page.locator("#data-findings")).to_contain_text("Few conversations", timeout=LONG)


def tokens(page: Page) -> None:
    panel(page, "Tokens")
    button(page, "Look at it").click()
    expect(page.locator("#data-tokens .tok.trained").first).to_be_visible(timeout=LONG)
    button(page, "Count the tokens of all conversations").click()
    expect(page.get_by_text("in 12 conversations")).to_be_visible(timeout=LONG)


def duplicates(page: Page) -> None:
    panel(page, "Duplicates")
    button(page, "Look for duplicates").click()
    expect(page.locator("#data-groups")).to_contain_text("groups of conversations", timeout=LONG)


def export(page: Page) -> None:
    panel(page, "Export")
    button(page, "Make the file").click()
    expect(button(page, "Download")).to_be_visible(timeout=LONG)


def history(page: Page) -> None:
    page.locator("#data-there label").filter(has_text="sample").click()
    expect(page.get_by_role("heading", name="sample", exact=True)).to_be_visible(timeout=LONG)
    panel(page, "History")
    page.locator("#data-versions label").last.click()
    button(page, "What differs from the one in use").click()
    expect(page.locator("#data-difference")).to_contain_text("1 removed", timeout=LONG)


def mapping(page: Page) -> None:
    table = {"name": "faq.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    page.locator("#data-files input[type=file]").set_input_files(table)
    expect(page.get_by_text("Which column is what?")).to_be_visible(timeout=LONG)


def message(page: Page) -> None:
    button(page, "Delete conversation 1").click(timeout=LONG)
    expect(page.locator("[data-testid=toast-body]")).to_be_visible(timeout=LONG)


def train_form(page: Page) -> None:
    expect(page.get_by_text(re.compile("conversations to learn from")).first).to_be_visible(timeout=LONG)
    for fold in ("Advanced settings", "For experts", re.compile("Try it first")):
        button(page, fold).click()


def finished_run(page: Page) -> None:
    head = page.locator(".run-head h2").locator("visible=true").first
    expect(head).to_contain_text("Finished", timeout=LONG)
    for fold in page.locator("button.label-wrap[aria-expanded=false]").locator("visible=true").element_handles():
        fold.click()


def chat(page: Page) -> None:
    page.get_by_label("Your message to both").fill("How do I cook rice?")
    button(page, "Send").click()
    expect(button(page, "Retry")).to_be_enabled(timeout=LONG)


PANELS = (conversations, what_was_read, check_up, tokens, duplicates, export, editor)
STATES: tuple[tuple[str, tuple[Callable[[Page], None], ...]], ...] = (
    ("data", PANELS),
    ("data", (history, mapping)),
    ("data", (message,)),
    ("train", (train_form,)),
    ("train&run", (finished_run,)),
    ("runs&run", (finished_run,)),
    ("chat&run", (chat,)),
)


@pytest.mark.parametrize(("tab", "states"), STATES)
def test_nothing_of_weight_is_found(
    page: Page, app, home: Path, axe_core: str, tab: str, states: tuple[Callable[[Page], None], ...]
):
    run = f"&run={next((home / 'runs').iterdir()).name}&dataset=sample%40v1" if tab.endswith("&run") else "&dataset=odd"
    page.goto(f"{app.url}/?tab={tab.removesuffix('&run')}{run}")
    expect(page.locator("[role=tab][aria-selected=true]").first).to_be_visible(timeout=LONG)
    page.add_style_tag(content=UNFADED)
    page.evaluate(axe_core)
    for state, scheme in product(states, ("light", "dark")):
        page.emulate_media(color_scheme=scheme)
        if scheme == "light":
            state(page)
        expect(page.locator("body.dark, .dark body")).to_have_count(int(scheme == "dark"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        faults = {
            f"{fault['id']}: {node['html'][:120]}"
            for fault in found
            if fault["impact"] in ("moderate", "serious", "critical")
            for node in fault["nodes"]
        }
        assert not faults, (state.__name__, scheme)
