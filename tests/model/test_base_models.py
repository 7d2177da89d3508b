"""The base model that training and chat stand on: what is loaded is what is said."""

import json
import subprocess
import sys

import pytest
import torch
from huggingface_hub import constants

from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.models import catalogue, device, embedded, load

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _models(embedded_model):
    """Every test here needs the default model."""


def test_dequantised_layers_give_the_logits_of_the_nf4_layers_to_the_bit(monkeypatch):
    import bitsandbytes as bnb

    with monkeypatch.context() as patch:
        patch.setattr(load, "dequantise_linear", lambda model: None)
        quantised = load.load_base(DEFAULT_MODEL, "qlora")
    assert sum(isinstance(layer, bnb.nn.Linear4bit) for layer in quantised.model.modules()) == 210
    plain = load.load_base(DEFAULT_MODEL, "qlora")
    assert not any(isinstance(layer, bnb.nn.Linear4bit) for layer in plain.model.modules())
    text = [{"role": "user", "content": "Why is the sky blue?"}]
    ids = torch.tensor([plain.tokenizer.apply_chat_template(text, add_generation_prompt=True, return_dict=False)])
    # In train mode bitsandbytes multiplies in float32; its inference kernel on some CPUs rounds to bf16.
    quantised.model.train()
    with torch.no_grad():
        assert torch.equal(quantised.model(ids).logits, plain.model(ids).logits)


def test_qlora_and_lora_stand_on_different_weights():
    text = [{"role": "user", "content": "Why is the sky blue?"}]
    four_bit, whole = load.load_base(DEFAULT_MODEL, "qlora"), load.load_base(DEFAULT_MODEL, "lora")
    ids = torch.tensor([whole.tokenizer.apply_chat_template(text, add_generation_prompt=True, return_dict=False)])
    with torch.no_grad():
        assert not torch.equal(four_bit.model(ids).logits, whole.model(ids).logits)
    assert four_bit.precision == "nf4 in float32" and whole.precision == "float32"


def test_the_kept_model_says_where_it_came_from():
    assert embedded.is_ready()
    assert embedded.source()


def test_a_folder_that_is_no_causal_language_model_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertForMaskedLM"], "model_type": "bert"}))
    with pytest.raises(UserError, match=r"not a causal language model.*BertForMaskedLM"):
        catalogue.resolve(str(tmp_path))


def test_a_folder_without_safetensors_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}))
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(UserError, match=r"no \.safetensors"):
        catalogue.resolve(str(tmp_path))


def test_a_model_without_a_chat_template_is_refused(tmp_path):
    load.load_tokenizer(DEFAULT_MODEL).save_pretrained(tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(embedded.folder() / name)
    with pytest.raises(UserError, match="no chat template"):
        load.load_tokenizer(str(tmp_path))


def test_a_wrong_name_says_what_can_be_given():
    with pytest.raises(UserError, match="path of a folder"):
        catalogue.resolve("no such model")


def offline(tmp_path, monkeypatch):
    """A Hub that does not answer, and an empty cache of it."""
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # read from HF_ENDPOINT at import
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_hub_that_does_not_answer_is_said_with_the_choices_that_are_left(tmp_path, monkeypatch):
    offline(tmp_path, monkeypatch)
    said = []
    with pytest.raises(UserError, match=r"cannot be reached.*default model or a folder"):
        load.load_tokenizer("someone/something", said.append)
    assert said == ["Looking for someone/something on the Hugging Face Hub"]


def test_a_model_in_the_hub_s_cache_is_used_where_the_hub_does_not_answer(tmp_path, monkeypatch):
    kept = offline(tmp_path, monkeypatch) / "models--someone--something"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    (kept / "snapshots").mkdir()
    (kept / "snapshots" / ("0" * 40)).symlink_to(embedded.folder())
    assert load.load_tokenizer("someone/something").chat_template


FOUR_AT_ONCE = """
import threading
from ft.models.load import load_base, load_tokenizer
failed = []
def work(load, *given):
    try:
        load(*given)
    except ImportError as error:
        failed.append(error)
loads = [(load_tokenizer, "smollm2-135m-instruct"), (load_base, "smollm2-135m-instruct", "lora")] * 2
threads = [threading.Thread(target=work, args=each) for each in loads]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not failed, failed
"""


def test_visitors_who_come_at_once_to_an_app_that_has_just_started_are_all_served():
    done = subprocess.run([sys.executable, "-c", FOUR_AT_ONCE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_device_probe_gives_a_type_that_multiplies_here():
    dtype = device.fast_cpu_dtype()
    assert dtype in (torch.float32, torch.bfloat16)
    assert device.describe().memory_bytes > 0
