"""What can be given as a base model: to strangers nothing of the machine's disk is shown, and to nobody a raw error."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
from stranger import publish

from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.models import catalogue, facts
from ft.models.load import load_tokenizer

LONG = "a" * 100_000
ODD = (
    *("/root/.ssh", "/proc/self", "/nonexistent", "~daemon", "~nosuchuser", "~", ".", "..", "/", "", "a\0b", LONG),
    *(f"/{LONG}", f"{LONG}/{LONG}", "owner/..", "owner/" + "a" * 97, "owner/a--b", "ft/models/../..", "file:///etc"),
    *("https://huggingface.co/owner/name", "owner/name/more", "ówner/name", "owner\\name", "owner/name.git"),
)


@pytest.fixture
def hosted(home, monkeypatch):
    monkeypatch.setenv("SIDETUNE_HOSTED", "1")
    monkeypatch.chdir(home)


def refusal(name: str) -> UserError:
    with pytest.raises(UserError) as refused:
        catalogue.resolve(name)
    return refused.value


@pytest.mark.parametrize("name", ODD, ids=[name[:20] for name in ODD])
def test_what_is_no_model_is_refused_in_a_few_words(home, name):
    error = refusal(name)
    assert len(str(error)) < 500
    assert facts.of(name, ask_hub=False) is None


def test_strangers_get_one_answer_whatever_is_on_the_disk(hosted, tmp_path):
    whole = publish(tmp_path / "whole")
    secret = publish(tmp_path / "secret", config={"architectures": ["SECRET"]})
    broken = publish(tmp_path / "broken", config="{")
    (tmp_path / "file").write_text("x")
    names = [*ODD, whole, secret, broken, str(tmp_path), str(tmp_path / "file"), str(tmp_path / "none")]
    answers = {(error.why, error.todo) for error in map(refusal, names)}
    assert len(answers) == 1
    assert {re.sub(r"'.*'|\".*\"", "", refusal(name).given).removesuffix(" ...") for name in names} == {"base model "}
    assert all(facts.of(name, ask_hub=False) is None for name in names)


def test_a_folder_that_is_called_like_a_hub_id_is_not_looked_at(hosted, home):
    publish(home / "owner" / "name")
    assert catalogue.resolve("owner/name").where == "hub"


def test_strangers_may_use_what_the_host_offers(hosted, monkeypatch, tmp_path):
    offered = publish(tmp_path / "offered")
    monkeypatch.setenv("SIDETUNE_MODELS", f"{offered}:owner/name")
    assert [name for _, name in catalogue.choices()] == [DEFAULT_MODEL, offered, "owner/name"]
    assert catalogue.resolve(offered).where == "folder" and catalogue.is_trusted(offered)
    assert offered in refusal("/nonexistent").todo
    assert not catalogue.is_trusted("other/name") and not catalogue.is_trusted(str(tmp_path))


def test_what_is_offered_is_nothing_special_where_nobody_is_hosted(home, monkeypatch, tmp_path):
    monkeypatch.setenv("SIDETUNE_MODELS", publish(tmp_path / "offered"))
    assert [name for _, name in catalogue.choices()] == [DEFAULT_MODEL]


@pytest.mark.parametrize("where", ["gradio", "own"])
def test_what_was_uploaded_to_the_page_is_no_model(home, monkeypatch, tmp_path, where):
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    if where == "own":
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    with tempfile.TemporaryDirectory() as temporary:
        monkeypatch.setattr(tempfile, "tempdir", temporary)
        folder = tmp_path / "uploads" if where == "own" else Path(temporary, "gradio")
        model = publish(folder / "0123456789abcdef")
        (tmp_path / "link").symlink_to(model)
        for name in (model, str(tmp_path / "link")):
            assert "uploaded" in refusal(name).why


CONFIGS = (
    *("{", "[" * 100_000, "[]", "5", "null", '"text"', "\udcff", " " * 17_000_000),
    *({"architectures": each} for each in (5, "LlamaForCausalLM", None, [], [5], [["LlamaForCausalLM"]], {"a": 1})),
)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config)[:30])
def test_a_wild_config_is_refused_in_words(home, tmp_path, config):
    folder = tmp_path / "model"
    publish(folder)
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert len(str(refusal(str(folder)))) < 600
    facts.of(str(folder))


def test_the_content_of_an_offered_folder_is_not_shown_to_strangers(hosted, monkeypatch, tmp_path):
    offered = publish(tmp_path / "offered", config={"architectures": ["SECRET"]})
    monkeypatch.setenv("SIDETUNE_MODELS", offered)
    assert "SECRET" not in str(refusal(offered))


@pytest.mark.parametrize(
    "files",
    [
        {"tokenizer": "{"},
        {"tokenizer": "[]"},
        {"tokenizer": {"tokenizer_class": "NoSuchTokenizer"}},
        {"tokenizer": {"tokenizer_class": 5, "chat_template": "x"}},
        {"tokenizer": {"tokenizer_class": "ByT5Tokenizer", "chat_template": 5}},
        {"tokenizer": {"tokenizer_class": "ByT5Tokenizer", "chat_template": "x", "added_tokens_decoder": {"a": 5}}},
        {"tokenizer": {"tokenizer_class": "LlamaTokenizer", "chat_template": "x"}},
        {"tokenizer": {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": "x"}, "tokenizer.json": "{}"},
        {"config": {"architectures": ["LlamaForCausalLM"], "model_type": "no such type"}},
        {"config": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": "wide"}},
        {"special_tokens_map": "[5]"},
    ],
    ids=str,
)
def test_damaged_tokenizer_files_are_refused_in_words_or_do_no_harm(home, tmp_path, files):
    folder = tmp_path / "model"
    whole = files.pop("tokenizer.json", None)
    publish(folder, **files)
    if whole:
        (folder / "tokenizer.json").write_text(whole)
    try:
        load_tokenizer(str(folder))
    except UserError as error:
        assert len(str(error)) < 800


SECRETS = "root\nSECRET-LINE\n[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\n"


@pytest.mark.parametrize("key", ["vocab_file", "vocab"])
@pytest.mark.parametrize("file", ["tokenizer", "special_tokens_map"])
@pytest.mark.parametrize("own", [True, False])
def test_a_model_cannot_show_a_file_of_the_machine_as_its_vocabulary(home, tmp_path, key, file, own):
    (tmp_path / "secret").write_text(SECRETS)
    tokenizer = {"tokenizer_class": "BertTokenizer", "chat_template": "{{ messages }}", "name_or_path": "/home/x"}
    settings = {key: str(tmp_path / "secret")}
    files = {"tokenizer": tokenizer | settings} if file == "tokenizer" else {"tokenizer": tokenizer, file: settings}
    folder = tmp_path / "model"
    publish(folder, **files)
    if own:
        (folder / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nown\n")
    try:
        tokenizer = load_tokenizer(str(folder))
    except UserError:
        assert not own
    else:
        assert "SECRET-LINE" not in tokenizer.get_vocab() and (not own or "own" in tokenizer.get_vocab())
