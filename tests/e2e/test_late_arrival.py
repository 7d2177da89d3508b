"""What somebody does before a page that opens has heard all that it asked for stays as they did it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Route, expect
from synthetic_runs import events_of, write

from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file

pytestmark = pytest.mark.slow
RESTS = 4_000  # milliseconds after which what came late has been drawn, and would have undone something
LONG = 120_000  # milliseconds that an answer may take on a busy machine


@pytest.fixture(scope="module")
def home(app) -> Path:
    """The app's home, with three datasets and a run of the sample that can be talked to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(app.home))
        for name in ("sample", "first", "second"):
            save(stage([sample_file()]), name)
    run = write(app.home, "aaaa", events_of(lambda epoch: 4 - epoch, None, steps=40))
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(b"weights")
    return app.home


@pytest.fixture
def chats(tmp_path: Path) -> str:
    path = tmp_path / "kitchen.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": f"Dish {n}?", "completion": f"Soup {n}."}) for n in range(30)))
    return str(path)


@contextmanager
def late(page: Page, url: str) -> Iterator[None]:
    """While this lasts, the server hears nothing of what the page asks for because it was opened."""
    events = httpx.get(f"{url}/config").json()["dependencies"]
    opening = {event["id"] for event in events if any(name == "load" for _, name in event["targets"])}
    following = {event["id"] for event in events if event["trigger_after"] in opening}
    assert len(following) > 4
    with unheard(page, opening | following):
        yield
    page.wait_for_timeout(RESTS)


@contextmanager
def unheard(page: Page, events: set[int]) -> Iterator[None]:
    """While this lasts, the server hears of none of these events; then, of all of them."""
    held: list[Route] = []
    waiting = set(events)

    def hear(route: Route) -> None:
        if json.loads(route.request.post_data or "{}").get("fn_index") in waiting:
            held.append(route)
        else:
            route.continue_()

    page.route("**/queue/join*", hear)
    yield
    assert held
    waiting.clear()
    for route in held:
        route.continue_()


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true").first


def test_a_page_that_opens_asks_for_each_of_its_parts_once(home: Path, app, page: Page):
    events = {each["id"]: each for each in httpx.get(f"{app.url}/config").json()["dependencies"]}
    asked: list[dict] = []
    page.on(
        "request",
        lambda request: "queue/join" in request.url and asked.append(events[request.post_data_json["fn_index"]]),
    )
    for opening in ("/?tab=train&dataset=sample", "/"):  # then what the browser remembers
        asked.clear()
        page.goto(app.url + opening)
        page.wait_for_function("window.sidetune?.arrived")
        page.wait_for_timeout(RESTS)
        # Gradio tells of the first tab as of one that somebody chose.
        drawn = [tuple(each["outputs"]) for each in asked if not any(name == "select" for _, name in each["targets"])]
        assert len(drawn) > 8 and len(set(drawn)) == len(drawn)


def test_files_that_were_brought_stay_what_is_looked_at_and_what_becomes_of_them_is_trained_on(
    home: Path, app, page: Page, chats: str
):
    page.set_default_timeout(LONG)
    with late(page, app.url):
        page.goto(f"{app.url}/?tab=data&dataset=sample")
        page.locator("#data-files input[type=file]").set_input_files(chats)
        expect(page.get_by_role("heading", name="kitchen.jsonl", exact=True)).to_be_visible(timeout=LONG)
        expect(page.get_by_label("Name of the dataset")).to_have_value("kitchen", timeout=LONG)
        page.get_by_label("Name of the dataset").fill("supper")
        button(page, "Save dataset").click()
        button(page, "Train on it").click()
    expect(page.get_by_label("What it learns from").locator("visible=true")).to_have_value(
        "supper (v1, 30 conversations)"
    )
    expect(page).to_have_url(f"{app.url}/?tab=train&dataset=supper")


def test_what_is_typed_to_the_models_stays_in_its_box(home: Path, app, page: Page):
    page.set_default_timeout(LONG)
    box = page.get_by_label("Your message to both")
    with late(page, app.url):
        page.goto(f"{app.url}/?tab=chat")
        box.fill("Who are you?")
        box.press("Enter")
    expect(page.get_by_label("Tuned model (run)").locator("visible=true")).to_have_value("sample aaaa · sample v1")
    expect(button(page, "Send")).to_be_enabled(timeout=LONG)
    expect(box).to_have_value("Who are you?")


def test_the_address_names_what_is_looked_at_before_the_page_has_drawn_it(home: Path, app, page: Page, chats: str):
    page.set_default_timeout(LONG)
    page.goto(f"{app.url}/?tab=data&dataset=sample")
    expect(page.get_by_role("heading", name="sample", exact=True)).to_be_visible(timeout=LONG)
    config = httpx.get(f"{app.url}/config").json()
    states = {each["id"] for each in config["components"] if each["props"].get("storage_key") == "sidetune-dataset"}
    changes = {each["id"] for each in config["dependencies"] if states & {id for id, _ in each["targets"]}}
    following = {each["id"] for each in config["dependencies"] if each["trigger_after"] in changes}
    assert len(following) > 8
    with unheard(page, following):
        page.locator("#data-files input[type=file]").set_input_files(chats)
        expect(page).to_have_url(f"{app.url}/?tab=data&dataset=%40upload", timeout=LONG)
    page.reload()
    expect(page.get_by_role("heading", name="kitchen.jsonl", exact=True)).to_be_visible(timeout=LONG)


def test_files_that_are_read_once_another_dataset_was_chosen_wait_beside_it(home: Path, app, page: Page, chats: str):
    page.set_default_timeout(LONG)
    page.goto(f"{app.url}/?tab=data&dataset=sample")
    expect(page.get_by_role("heading", name="sample", exact=True)).to_be_visible(timeout=LONG)
    config = httpx.get(f"{app.url}/config").json()
    files = {each["id"] for each in config["components"] if each["props"].get("elem_id") == "data-files"}
    brought = {
        each["id"] for each in config["dependencies"] if [id for id, name in each["targets"] if name == "upload"][:1]
    }
    reading = {each["id"] for each in config["dependencies"] if each["trigger_after"] in brought}
    assert files and len(reading) == 1
    there = page.locator("#data-there")
    with unheard(page, reading):
        with page.expect_request(
            lambda asked: "queue/join" in asked.url and asked.post_data_json["fn_index"] in reading
        ):
            page.locator("#data-files input[type=file]").set_input_files(chats)
        there.get_by_text("first", exact=False).first.click()
        expect(page.get_by_role("heading", name="first", exact=True)).to_be_visible(timeout=LONG)
    expect(there.get_by_text("kitchen.jsonl", exact=False).first).to_be_visible(timeout=LONG)
    page.wait_for_timeout(RESTS)
    expect(page.get_by_role("heading", name="first", exact=True)).to_be_visible()
    expect(there.locator("input:checked")).to_have_value("first")


def test_of_two_choices_in_a_row_the_last_is_looked_at(home: Path, app, page: Page):
    page.set_default_timeout(LONG)
    page.goto(f"{app.url}/?tab=data&dataset=sample")
    expect(page.get_by_role("heading", name="sample", exact=True)).to_be_visible(timeout=LONG)
    there = page.locator("#data-there")
    config = httpx.get(f"{app.url}/config").json()
    radio = {each["id"] for each in config["components"] if each["props"].get("elem_id") == "data-there"}
    choosing = {
        each["id"]
        for each in config["dependencies"]
        if any(id in radio for id, event in each["targets"] if event == "input")
    }
    with unheard(page, choosing):
        there.get_by_text("first", exact=False).first.click()
        page.wait_for_timeout(500)
        there.get_by_text("second", exact=False).first.click()
        page.wait_for_timeout(500)
    expect(page.get_by_role("heading", name="second", exact=True)).to_be_visible(timeout=LONG)
    page.wait_for_timeout(RESTS)
    expect(page.get_by_role("heading", name="second", exact=True)).to_be_visible()
    expect(there.locator("input:checked")).to_have_value("second")
    expect(page).to_have_url(f"{app.url}/?tab=data&dataset=second")
