"""The Hub on the page: fetched and read like files, written to with its card, and no token of the machine is lent."""

from __future__ import annotations

import json

import gradio as gr
import pytest
from fake_hub import Hub, Repo
from huggingface_hub import constants

from formats.repair import REPAIRS
from ft.dataset import build, edit, versions
from ft.dataset.change import deletion
from ft.ui import alerts, api, app, data_events, data_export, data_hub, data_near

HOW = ("auto", [code for code, kind in REPAIRS.items() if kind.on], "", 10, "", [])


@pytest.fixture
def chats(hub: Hub) -> versions.Version:
    *_, last = data_events.fetch("ada/chats", "", *HOW)
    return build.save(build.open_staged(last[0]), "chats")


def test_a_dataset_of_the_hub_is_fetched_and_read(hub):
    steps = list(data_events.fetch("ada/chats", "", *HOW))
    assert "Asking the Hub" in steps[0][3].value
    *read, files, fetched, columns, left = steps[-1]
    assert build.open_staged(read[0]).report["kept"] == 30 and (files, columns) == (None, None)
    assert "Not taken: data/test.jsonl" in left
    again = list(data_events.stage(None, fetched, *HOW[:3], None, *HOW[3:]))
    assert build.open_staged(again[-1][0]).report["files"][0]["name"] == "ada/chats/data/train.jsonl"


def test_its_columns_are_asked_for_where_its_format_is_not_known(hub):
    hub.repos["ada/odd"] = Repo({"odd.jsonl": b'{"Kundenfrage": "Wie?", "Antwort": "So."}'})
    *_, last = data_events.fetch("ada/odd", "", *HOW)
    assert last[5].visible and "odd.jsonl is in no format" in last[6]


def test_what_cannot_be_fetched_is_said_and_leaves_all_as_it_was(hub):
    *_, last = data_events.fetch("ada/none", "", *HOW)
    assert "no such dataset" in last[4]["value"]
    assert all(each == gr.skip() for each in (last[0], last[1], *last[-4:]))


def test_the_dataset_is_written_to_the_hub_and_its_address_shown(hub, chats):
    *_, last = data_hub.pushed("chats", "", "ada/mine", "messages", "hf_mine", False)
    assert "Only you can see it" in last[1] and f"{hub.url}/datasets/ada/mine" in last[1]
    assert hub.repos["ada/mine"].private and hub.tokens[-1] == "hf_mine"


def test_what_was_found_in_or_made_of_a_dataset_goes_with_it_and_not_before(hub, chats):
    """Saving a dataset changes what is looked at, and what listens to that may be told after the next click."""
    of, *_ = next(iter(data_hub.pushed("chats", "", "ada/mine", "messages", "hf_mine", False)))
    assert of == data_export.exported("chats", "", "messages", "")[0] == str(chats.path)
    *_, (found, *_) = data_near.look("chats", "", False, 0.8)
    for forget, held in ((data_hub.forget, of), (data_export.forget, of), (data_near.forget, found)):
        assert all(each == gr.skip() for each in forget("chats", "", held))
    edit.apply(chats, deletion([0]))
    for forget, held in ((data_hub.forget, of), (data_export.forget, of), (data_near.forget, found)):
        forgotten = forget("chats", "", held)
        assert not forgotten[0] and forgotten[-1] == alerts.hidden()


def test_a_hosted_page_lends_nobody_the_token_of_the_machine(hub, chats, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_machine")
    monkeypatch.setenv("SIDETUNE_HOSTED", "1")
    *_, last = data_hub.pushed("chats", "", "ada/mine", "messages", "", False)
    assert "No access token" in last[-1]["value"] and "ada/mine" not in hub.repos
    list(data_events.fetch("ada/chats", "", *HOW))
    assert hub.tokens == []
    monkeypatch.delenv("SIDETUNE_HOSTED")
    list(data_events.fetch("ada/chats", "", *HOW))
    assert set(hub.tokens) == {"hf_of_the_machine"}


def test_scripts_pull_and_push(hub, monkeypatch):
    endpoints = {each.api_name: each.fn for each in app.build().fns.values() if each.api_name in ("pull", "push")}
    assert set(endpoints) < set(api.ENDPOINTS)
    *_, report = endpoints["pull"]("ada/chats", "chats")  # null, for as long as it takes
    assert report["kept"] == 30 and report["not_taken"] == ["data/test.jsonl"]
    assert endpoints["push"]("chats", "ada/mine", token="hf_mine")["private"] is True
    lines = hub.repos["ada/mine"].files["data/train.jsonl"].splitlines()
    assert json.loads(lines[0])["messages"][0]["role"] == "user"
    with pytest.raises(gr.Error, match="no dataset of the Hugging Face Hub"):
        list(endpoints["pull"]("x", "chats"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(gr.Error, match="cannot be reached"):
        list(endpoints["pull"]("ada/chats", "chats"))
