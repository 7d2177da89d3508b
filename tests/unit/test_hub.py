"""Datasets come from the Hub and go there: the real library, talking to a Hub of our own."""

from __future__ import annotations

import json
from typing import Any

import huggingface_hub
import pytest
from fake_hub import Hub, Repo
from huggingface_hub import constants

from ft.cli import main
from ft.dataset import change, edit, versions
from ft.errors import UserError
from ft.hub import pull, push
from ft.hub.access import parse
from ft.hub.files import choose


@pytest.fixture
def chats(hub: Hub, capsys) -> versions.Version:
    assert main(["convert", "hf://datasets/ada/chats", "--name", "chats"]) == 0
    capsys.readouterr()
    return versions.find("chats")


@pytest.fixture
def signed_in(hub: Hub, monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ada")


def printed(capsys, words: list[str], status: int = 0) -> Any:
    assert main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_dataset_of_the_hub_is_converted_like_a_file_and_says_what_it_leaves(hub, capsys):
    assert main(["convert", "hf://datasets/ada/chats", "--name", "chats", "--json"]) == 0
    out, told = capsys.readouterr()
    report = json.loads(out)
    assert (report["read"], report["kept"], report["format"]) == (30, 30, "pairs")
    assert "Not taken: data/test.jsonl" in told
    (file,) = versions.find("chats").source["files"]
    assert file["url"] == f"hf://datasets/ada/chats@{hub.repos['ada/chats'].sha}/data/train.jsonl"
    named = printed(capsys, ["convert", "hf://datasets/ada/chats/data/test.jsonl", "--name", "test"])
    assert [each["name"] for each in named["files"]] == ["ada/chats/data/test.jsonl"]


def test_a_push_is_private_and_its_card_says_what_was_done(hub, chats, signed_in, capsys):
    edit.apply(chats, change.deletion([3]))
    done = printed(capsys, ["push", "chats", "ada/mine"])
    repo = hub.repos["ada/mine"]
    assert done["private"] is True and repo.private and done["url"].endswith("/datasets/ada/mine")
    assert sum(done["files"].values()) == 29 and set(done["files"]) == {"train", "validation"}
    lines = [json.loads(line) for name in done["files"] for line in repo.files[f"data/{name}.jsonl"].splitlines()]
    assert {"messages"} == set(lines[0]) and len(lines) == 29
    card = repo.files["README.md"].decode()
    assert "30 records read" in card and "Conversation 4 deleted" in card and chats.source["files"][0]["sha256"] in card
    read = huggingface_hub.DatasetCard(card).data.to_dict()
    assert read["configs"][0]["data_files"][1] == {"split": "validation", "path": "data/validation.jsonl"}


def test_what_was_pushed_comes_back_as_it_was(hub, chats, signed_in, capsys):
    push.push(chats, "ada/mine")
    report = printed(capsys, ["convert", "hf://datasets/ada/mine/data", "--name", "again"])
    assert report["kept"] == 30
    assert {each.messages for each in versions.find("again").conversations()} == {
        each.messages for each in chats.conversations()
    }


def test_a_second_push_replaces_the_data_of_the_first_and_nothing_else(hub, chats, signed_in):
    push.push(chats, "ada/mine")
    hub.repos["ada/mine"].files["notes.txt"] = b"mine"
    push.push(chats, "ada/mine", format="parquet")
    assert set(hub.repos["ada/mine"].files) == {
        *("README.md", "notes.txt"),
        *("data/train.parquet", "data/validation.parquet"),
    }


def test_private_data_is_not_pushed_where_everybody_can_read_it(hub, chats, signed_in, capsys):
    hub.repos["ada/open"] = Repo(private=False)
    refused = printed(capsys, ["push", "chats", "ada/open"], status=1)
    assert "everybody can read it" in refused["error"]["why"]
    assert hub.repos["ada/open"].files == {}
    assert printed(capsys, ["push", "chats", "ada/open", "--public"])["private"] is False


def test_a_token_is_sent_and_never_said(hub, chats, capsys):
    push.push(chats, "ada/mine", token="hf_secret")
    assert set(hub.tokens) == {"hf_secret"}
    hub.repos["ada/mine"].refuses = (403, "")
    with pytest.raises(UserError) as refused:
        push.push(chats, "ada/mine", token="hf_secret")
    assert "write to it" in str(refused.value)
    assert "hf_secret" not in "".join([*capsys.readouterr(), str(refused.value), str(refused.value.__cause__)])


def test_without_a_token_nothing_is_pushed_and_a_hosted_page_sends_nobody_to_its_terminal(hub, chats, monkeypatch):
    with pytest.raises(UserError, match="you may not write to it") as refused:
        push.push(chats, "ada/mine")
    assert "access token that may write to it" in refused.value.todo and "hf auth login" in refused.value.todo
    monkeypatch.setenv("SIDETUNE_HOSTED", "1")
    with pytest.raises(UserError, match="you may not write to it") as refused:
        push.push(chats, "ada/mine", token=False)
    assert "access token that may write to it" in refused.value.todo and "hf auth login" not in refused.value.todo
    assert "ada/mine" not in hub.repos and hub.tokens == []


@pytest.mark.parametrize(
    ("address", "refuses", "said"),
    [
        ("hf://datasets/ada/nothing", None, "no such dataset"),
        ("hf://datasets/ada/chats@v9", None, "no such revision"),
        ("hf://datasets/ada/chats/none.json", None, "data/test.jsonl, data/train.jsonl"),
        ("hf://ada/chats", None, "not a dataset"),
        ("hf://", None, "no dataset"),
        ("hf://datasets/ada/gated", (403, "GatedRepo"), "on request only"),
        ("hf://datasets/ada/closed", (401, ""), "you may not"),
        ("hf://datasets/ada/ill", (500, ""), "HTTP 500"),
        ("hf://datasets/ada/prose", None, "no file of data"),
    ],
)
def test_what_cannot_be_fetched_is_refused_in_words(hub, capsys, address, refuses, said):
    hub.repos["ada/prose"] = Repo({"README.md": b"x"})
    for name in ("gated", "closed", "ill"):
        hub.repos[f"ada/{name}"] = Repo({"a.json": b"[]"}, refuses=refuses)
    error = printed(capsys, ["convert", address, "--name", "x"], status=1)["error"]
    assert said in " ".join(error.values())


def test_a_hub_that_is_away_is_told_within_seconds(home, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="cannot be reached"):
        pull.find("ada/chats")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("ada/chats", ("ada/chats", "", "")),
        ("ada/chats@v1/data/x.json", ("ada/chats", "v1", "data/x.json")),
        ("hf://datasets/ada/chats@refs/convert/parquet", ("ada/chats", "refs/convert/parquet", "")),
        ("https://huggingface.co/datasets/ada/chats/blob/main/train.csv", ("ada/chats", "main", "train.csv")),
    ],
)
def test_an_address_may_be_written_in_the_ways_people_have_it(given, found):
    address = parse(given)
    assert (address.id, address.revision, address.path) == found


FILES = [
    "README.md",
    "dataset_infos.json",
    "en/train-0.parquet",
    "en/test-0.parquet",
    "de/train-0.parquet",
    ".x/y.json",
]


def test_files_to_test_with_are_left_unless_they_are_named():
    assert choose("a/b", FILES).taken == ("de/train-0.parquet", "en/train-0.parquet")
    assert choose("a/b", FILES).left == ("en/test-0.parquet",)
    assert choose("a/b", FILES, "en").taken == ("en/test-0.parquet", "en/train-0.parquet")
    assert choose("a/b", FILES, "*/test-*").taken == ("en/test-0.parquet",)
    assert choose("a/b", ["test.json"]).taken == ("test.json",)
    assert choose("a/b", ["contest.jsonl", "latest.csv"]).left == ()


def test_the_card_of_a_dataset_says_which_files_are_what():
    english = {"config_name": "en", "data_files": [{"split": "train", "path": "en/train-*"}]}
    german = {"config_name": "de", "data_files": "de/*.parquet"}
    assert choose("a/b", FILES, configs=[english]).taken == ("en/train-0.parquet",)
    assert choose("a/b", FILES, configs=[english, {**german, "default": True}]).taken == ("de/train-0.parquet",)
    for written in ("en/train-*", ["en/train-*"], {"train": "en/train-*", "test": "de/*"}, [{"path": ["en/train-*"]}]):
        assert choose("a/b", FILES, configs=[{"data_files": written}]).taken == ("en/train-0.parquet",)
    inside = {"config_name": "x", "data_dir": "de", "data_files": [{"split": "all", "path": "*"}, {"split": "test"}]}
    assert choose("a/b", FILES, configs=[inside]).taken == ("de/train-0.parquet",)
    with pytest.raises(UserError, match=r"2 configurations.*en: hf://datasets/a/b/en/train-\*"):
        choose("a/b", FILES, configs=[english, german])
