"""The whole way in a real browser: files in, a dataset, a training, two models that answer differently."""

from __future__ import annotations

import json
import re
import time

import pytest
from field_files import DATA, needs_field_files
from gradio_client import Client, handle_file
from playwright.sync_api import Page, expect

from ft.dataset import versions

pytestmark = pytest.mark.slow

HELD = 120_000  # milliseconds that a page may take where a model is loaded on a busy machine


def datasets(app) -> list[str]:
    return sorted(path.name for path in (app.home / "datasets").glob("[!.]*"))


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true").first


def one_line(text: str) -> str:
    return " ".join(text.split())


def unfold(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).locator("visible=true").first.click()


def test_from_upload_to_two_different_replies(page, app, monkeypatch):
    page.goto(app.url)
    button(page, "Try the sample").click()
    expect(page.get_by_text("Who are you?").locator("visible=true").first).to_be_visible()
    button(page, "Save dataset").click()
    button(page, "Train on it").click()

    # A short training, that a refresh finds where it is, and so does a new start of the app.
    page.get_by_label("How it learns").click()
    page.get_by_role("option", name="Quick look").click()
    twenty = page.get_by_text(re.compile(r"20 steps")).locator("visible=true").first
    expect(twenty).to_be_visible(timeout=HELD)
    page.reload()
    expect(twenty).to_be_visible(timeout=HELD)
    button(page, "Start training").click()
    expect(button(page, "Stop")).to_be_visible(timeout=HELD)
    page.reload()
    expect(button(page, "Stop")).to_be_visible(timeout=HELD)
    address = page.url
    page.goto("about:blank")
    app.kill()
    app.start()
    page.goto(address)
    expect(page.get_by_text(re.compile("Finished", re.I)).locator("visible=true").first).to_be_visible(timeout=6 * HELD)

    unfold(page, "Log")
    expect(page.locator(".run-log textarea").locator("visible=true")).to_have_value(re.compile(r"Step 20 of 20, loss"))

    button(page, "Chat with it").click()
    unfold(page, "Settings")
    longest = page.get_by_label("number input for Longest reply")
    longest.fill("48")
    longest.press("Tab")
    expect(button(page, "Send")).to_be_enabled(timeout=HELD)
    page.get_by_label("Your message to both").fill("How do I fix a flat tyre?")
    page.get_by_label("Your message to both").press("Enter")
    base, tuned = page.locator("#chat-base"), page.locator("#chat-tuned")
    expect(tuned.get_by_text("Ahoy", exact=False).first).to_be_visible(timeout=HELD)
    expect(button(page, "Send")).to_be_enabled(timeout=HELD)
    assert "Ahoy" not in base.inner_text()
    said = tuned.inner_text()
    assert said != base.inner_text()

    # A second turn, and all of it still there after a refresh.
    page.get_by_label("Your message to both").fill("Thank you!")
    button(page, "Send").click()
    expect(tuned.get_by_text("Thank you!").first).to_be_visible()
    expect(button(page, "Clear")).to_be_enabled(timeout=HELD)
    page.reload()
    expect(page.locator("#chat-tuned").get_by_text("How do I fix a flat tyre?").first).to_be_visible(timeout=HELD)

    # The reply that is on the screen becomes an example once it is put right; the one before is context.
    unfold(page, "Keep this chat as an example")
    box = page.locator("#chat-example textarea")
    expect(box).to_have_value(re.compile(r"\S"), timeout=HELD)
    assert one_line(box.input_value()) in one_line(tuned.inner_text())
    box.fill("Aye, any time. Keep your lamp lit.")
    expect(page.get_by_label("Add it to the dataset").locator("visible=true")).to_have_value("sample", timeout=HELD)
    button(page, "Add it").click()
    expect(page.get_by_text("Added to sample, which is version 2 now.")).to_be_visible(timeout=HELD)
    page.get_by_role("tab", name="1 Data").click()
    expect(page.get_by_text("61 conversations").locator("visible=true").first).to_be_visible(timeout=HELD)
    monkeypatch.setenv("SIDETUNE_HOME", str(app.home))
    *_, added = versions.find("sample").conversations()
    texts = [(message.role, message.content) for message in added.messages if message.role != "assistant"]
    assert texts == [("user", "How do I fix a flat tyre?"), ("user", "Thank you!")]
    earlier, last = (message for message in added.messages if message.role == "assistant")
    assert not earlier.train and one_line(earlier.content) in one_line(said)
    assert last.train and last.content == "Aye, any time. Keep your lamp lit."


@needs_field_files
@pytest.mark.parametrize(
    ("file", "format", "kept"),
    [("alpaca_en_demo.json", "Alpaca", "999"), ("glaive_toolcall_en_demo.json", "ShareGPT", "300")],
)
def test_the_field_s_files_become_datasets_and_models_to_talk_to(page, app, file, format, kept):
    page.goto(app.url + "/?tab=data")
    page.locator("#data-files input[type=file]").set_input_files(str(DATA / file))
    expect(page.get_by_text(kept).locator("visible=true").first).to_be_visible(timeout=HELD)
    expect(page.get_by_text(format).locator("visible=true").first).to_be_visible()
    unfold(page, "How to read them")
    held_out = page.get_by_label("number input for Held out to validate with")
    held_out.fill("1")
    held_out.press("Tab")
    page.get_by_label("Name of the dataset").fill(file.split("_")[0])
    button(page, "Save dataset").click()
    button(page, "Train on it").click()
    assert (app.home / "datasets" / file.split("_")[0] / "v1" / "conversations.parquet").exists()

    unfold(page, "Advanced settings")
    page.get_by_label("End after this many steps").fill("1")
    unfold(page, "For experts")
    page.get_by_label("Questions asked before, during and after").fill("1")
    page.get_by_label("Questions asked before, during and after").press("Tab")
    expect(page.get_by_text(re.compile(r"1 step.*max steps"))).to_be_visible(timeout=HELD)
    button(page, "Start training").click()
    expect(page.get_by_text("Finished after 1 step").locator("visible=true").first).to_be_visible(timeout=4 * HELD)
    button(page, "Chat with it").click()
    page.locator(".chat-samples button").first.click()
    expect(page.locator("#chat-tuned").get_by_text(re.compile(r"\d+ tokens"))).to_be_visible(timeout=HELD)
    button(page, "Stop").click()
    expect(button(page, "Retry")).to_be_enabled(timeout=HELD)


def test_what_cannot_be_read_is_said_where_it_happened_and_loses_nothing(page, app):
    before = datasets(app)
    page.goto(app.url + "/?tab=data")
    for name, content, words in (
        ("empty.json", b"", "empty"),
        ("picture.json", b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG picture"),
        ("prose.json", b"Dear diary", "not JSON"),
        ("shape.json", json.dumps([1, 2]).encode(), "no chat in a known format"),
        ("nothing.json", b"[]", "empty"),
    ):
        file = {"name": name, "mimeType": "application/json", "buffer": content}
        page.locator("#data-files input[type=file]").set_input_files(file)
        alert = page.get_by_role("alert").locator("visible=true").first
        expect(alert).to_contain_text(name, timeout=HELD)
        expect(alert).to_contain_text(words)
        assert "Traceback" not in page.content()
        assert datasets(app) == before
        page.get_by_label("Remove this file").or_(page.get_by_label("Clear")).first.click()
        expect(alert).not_to_be_visible(timeout=HELD)


def test_a_script_does_what_the_browser_does(app, tiny_model, tmp_path):
    chats = tmp_path / "chats.json"
    turns = [{"from": "human", "value": "Hi {n}"}, {"from": "gpt", "value": "Yo {n}!"}]
    rows = [
        {"conversations": [{**turn, "value": turn["value"].format(n=number)} for turn in turns]} for number in range(8)
    ]
    chats.write_text(json.dumps(rows))
    client = Client(app.url, verbose=False)
    report = client.predict([handle_file(str(chats))], "scripted", "auto", api_name="/convert")
    assert (report["read"], report["kept"], report["format"]) == (8, 8, "sharegpt")
    assert "scripted" in [each["dataset"] for each in client.predict(api_name="/datasets")]
    started = client.predict("scripted", {"max_steps": 1, "lora_rank": 2}, "cpu", api_name="/train")
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        run = client.predict(started["run"], api_name="/run")
        if run["status"] not in ("queued", "waiting", "preparing", "running"):
            break
        time.sleep(1)
    assert run["status"] == "finished", run
    assert run["adapter"] and run["validation_loss_before"] is not None
    assert started["run"] in [each["run"] for each in client.predict(api_name="/runs")]
    pair = client.predict(started["run"], "Hi", 4, 0, api_name="/chat")
    assert pair["base_is_base"] is True and pair["base"]["tokens"] <= 4

    long = {"model": tiny_model, "max_steps": 500, "early_stopping_patience": 0}
    going = client.predict("scripted", long, "cpu", api_name="/train")["run"]
    assert client.predict(going, api_name="/stop")["status"] in ("stopping", "stopped")
    while (status := client.predict(going, api_name="/run")["status"]) == "stopping" and time.monotonic() < deadline:
        time.sleep(0.5)
    assert status == "stopped"


@pytest.mark.parametrize("tab", ["data", "chat"])
def test_a_link_opens_the_tab_it_names_also_where_the_browser_is_slow(page, app, tab):
    slow = page.context.new_cdp_session(page)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": 2})
    page.goto(f"{app.url}/?tab={tab}")
    here = page.locator(f"#tab-{tab}-button[aria-selected=true]")
    expect(here).to_be_visible(timeout=HELD)
    page.wait_for_function("window.sidetune.arrived", timeout=HELD)
    page.wait_for_timeout(2000)  # whatever else wakes up stays where it is
    expect(here).to_be_visible()
    assert f"tab={tab}" in page.url or tab == "data"
    page.get_by_role("tab", name="Runs").locator("visible=true").first.click()
    page.wait_for_url("**/*tab=runs*", timeout=HELD)
