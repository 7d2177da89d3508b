"""What is given as a base model and is none is named for what it is, with what to use instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_hub import Hub, Repo
from safetensors.numpy import save
from stranger import publish
from synthetic_runs import write

from ft.config import TrainConfig
from ft.errors import UserError
from ft.models import catalogue
from ft.models.load import load_tokenizer, place

BASE = "owner/base"


def adapter(folder: Path, base: str | None = BASE) -> Path:
    """An adapter as PEFT saves it."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"peft_type": "LORA", "r": 4, "base_model_name_or_path": base, "task_type": "CAUSAL_LM"}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    (folder / "adapter_model.safetensors").write_bytes(save({}))
    return folder


def with_adapter(folder: Path) -> Path:
    publish(folder)
    return adapter(folder)


def gguf(folder: Path, config: bool = False) -> Path:
    if config:
        publish(folder)
        (folder / "model.safetensors").unlink()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny-Q4_K_M.gguf").write_bytes(b"GGUF\x03\0\0\0")
    return folder


def run(folder: Path) -> Path:
    made = write(folder, "x", [], TrainConfig(model=BASE)).path
    adapter(made / "adapter")
    adapter(made / "checkpoints" / "checkpoint-8")
    return made


def cache(folder: Path) -> Path:
    publish(folder / "models--owner--base" / "snapshots" / "0123abc")
    return folder / "models--owner--base"


def parent(folder: Path) -> Path:
    publish(folder / "one")
    publish(folder / "two")
    return folder


def pickled(folder: Path) -> Path:
    publish(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return folder


def renamed(folder: Path) -> Path:
    publish(folder)
    (folder / "model.safetensors").rename(folder / "consolidated.safetensors")
    return folder


def without_tokenizer(folder: Path) -> Path:
    publish(folder)
    (folder / "tokenizer_config.json").unlink()
    return folder


def with_own_code(folder: Path) -> Path:
    config = {"architectures": ["WeirdForCausalLM"], "model_type": "weird", "auto_map": {"AutoConfig": "x.C"}}
    return Path(publish(folder, config=config))


def dataset(folder: Path) -> Path:
    folder.mkdir()
    (folder / "conversations.parquet").write_bytes(b"PAR1")
    return folder


def pictures(folder: Path) -> Path:
    folder.mkdir()
    (folder / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    return folder


# what makes it; the part of it that is given; what it is called; what to use instead
OTHERS: dict[str, tuple[Callable[[Path], Path], str, str, str]] = {
    "an adapter": (adapter, "", "is an adapter", f"base model that it was made for: '{BASE}'"),
    "an adapter of nobody knows what": (lambda path: adapter(path, None), "", "is an adapter", "its README"),
    "a file of an adapter": (adapter, "adapter_model.safetensors", "is an adapter", f"'{BASE}'"),
    "a model with an adapter on it": (with_adapter, "", "a model and an adapter", "Move adapter_config.json"),
    "a GGUF": (gguf, "", "GGUF", "repository that it was made from"),
    "a GGUF with a config": (lambda path: gguf(path, True), "", "GGUF", "repository that it was made from"),
    "a file of a GGUF": (gguf, "tiny-Q4_K_M.gguf", "GGUF", "repository that it was made from"),
    "a run": (run, "", "run of Sidetune", f"'{BASE}'"),
    "a file of a run": (run, "events.jsonl", "run of Sidetune", f"'{BASE}'"),
    "the adapter of a run": (run, "adapter", "is an adapter", f"'{BASE}'"),
    "a checkpoint of a run": (run, "checkpoints/checkpoint-8", "is an adapter", f"'{BASE}'"),
    "the Hub's cache": (cache, "", "the Hub's cache of owner/base", "'owner/base'"),
    "a folder of models": (parent, "", "it has no config.json", "one of the folders in it: one, two"),
    "a file of a model": (
        lambda path: Path(publish(path)),
        "config.json",
        "it is a file",
        "the folder that it lies in",
    ),
    "a file of something": (dataset, "conversations.parquet", "it is a dataset", "base model"),
    "pickled weights": (pickled, "", "pickle files are never loaded", "save_pretrained()"),
    "weights under another name": (renamed, "", "consolidated.safetensors", "save_pretrained()"),
    "code of its own": (with_own_code, "", "needs code of its own", "transformers has itself"),
    "no tokenizer": (without_tokenizer, "", "no tokenizer", "tokenizer.json"),
    "a dataset": (dataset, "", "it is a dataset", "base model"),
    "a model of pictures": (pictures, "", "makes pictures", "chat model"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_no_base_model_is_named_with_what_to_use_instead(home, tmp_path, what):
    made, inside, named, instead = OTHERS[what]
    with pytest.raises(UserError) as refused:
        catalogue.resolve(str(made(tmp_path / "given") / inside))
    assert named in refused.value.why, str(refused.value)
    assert instead in refused.value.todo, str(refused.value)


@pytest.mark.parametrize("made", [adapter, run], ids=["adapter", "run"])
def test_strangers_are_not_shown_which_model_an_offered_folder_names(home, tmp_path, monkeypatch, made):
    offered = made(tmp_path / "offered")
    monkeypatch.setenv("SIDETUNE_HOSTED", "1")
    monkeypatch.setenv("SIDETUNE_MODELS", str(offered))
    with pytest.raises(UserError) as refused:
        catalogue.resolve(str(offered))
    assert BASE not in str(refused.value)


ON_THE_HUB: dict[str, tuple[dict[str, bytes], str, str]] = {
    "an adapter": ({"adapter_config.json": b"{}", "adapter_model.safetensors": b""}, "is an adapter", f"'{BASE}'"),
    "a GGUF": ({"tiny-Q4_K_M.gguf": b"GGUF"}, "GGUF", f"'{BASE}'"),
    "no tokenizer": ({"config.json": b"{}", "model.safetensors": b""}, "no tokenizer", "a model that has them"),
    "no config": ({"README.md": b"x"}, "no config.json", "Choose another"),
}


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("what", ON_THE_HUB)
def test_what_is_no_base_model_on_the_hub_is_named_before_anything_is_fetched(hub: Hub, what, weights):
    files, named, instead = ON_THE_HUB[what]
    hub.models["ada/given"] = Repo(files, card={"base_model": BASE})
    with pytest.raises(UserError) as refused:
        place("ada/given", None, weights=weights)
    assert named in refused.value.why and instead in refused.value.todo, str(refused.value)
    assert not any("/resolve/" in path for path, _ in hub.requests)


def test_an_adapter_on_the_hub_that_names_no_base_says_where_to_look(hub: Hub):
    hub.models["ada/given"] = Repo({"adapter_config.json": b"{}"})
    with pytest.raises(UserError, match="its README"):
        place("ada/given", None, weights=True)


KINDS = ("PreTrainedTokenizerFast", "LlamaTokenizer", "GPT2Tokenizer", "Qwen2Tokenizer", "BertTokenizer")


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_whose_vocabulary_is_missing_is_what_is_named(home, tmp_path, kind):
    folder = publish(tmp_path / "model", tokenizer={"tokenizer_class": kind, "chat_template": "x"})
    with pytest.raises(UserError) as refused:
        load_tokenizer(folder)
    assert "its tokenizer" in refused.value.why and "tokenizer.json" in refused.value.todo
