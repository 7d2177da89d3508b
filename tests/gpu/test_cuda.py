"""The main job on an NVIDIA GPU: 4-bit layers stay 4-bit, training uses them, and the base pane is the base.

The device tests of the CPU path are in tests/model; these ask what is different on CUDA.
"""

import pytest
import torch
from peft import get_peft_model
from safetensors.torch import load_file

from formats.conversation import Message
from ft.chat.engine import Engine
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.models import device
from ft.models.load import load_base
from ft.presets import preset
from ft.runs import directory, events, launch
from ft.runs.status import summary
from ft.train.adapter import lora_config

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

ASKED = [Message("user", "How do I repair a bicycle tyre?")]


@pytest.fixture(scope="module")
def trained(embedded_model_module):
    """A run that trained on the sample with the preset for GPUs, cut short."""
    dataset = save(stage([sample_file()]), "sample")
    settings = {"max_steps": 30, "learning_rate": 1e-3, "eval_steps": 10}
    run = directory.create(dataset, preset("guanaco").config.with_settings(settings))
    launch.start(run)
    for _ in launch.wait(run):
        pass
    assert summary(run)["status"] == "finished", summary(run)["message"]
    return run


def test_the_gpu_is_found_and_named(trained):
    started = next(event for event in events.read(trained) if event["kind"] == "started")
    assert device.describe().kind == "cuda" and device.describe().name in started["device"]


def test_the_base_is_nf4_with_double_quantisation_and_computes_in_16_bits(embedded_model_module):
    import bitsandbytes as bnb

    loaded = load_base(DEFAULT_MODEL, "qlora")
    layers = [layer for layer in loaded.model.modules() if isinstance(layer, bnb.nn.Linear4bit)]
    dtype = device.gpu_dtype()
    assert dtype in (torch.bfloat16, torch.float16)
    assert len(layers) == 210 and loaded.precision == f"nf4 in {dtype}".replace("torch.", "")
    state = layers[0].weight.quant_state
    assert (state.quant_type, state.nested, layers[0].compute_dtype) == ("nf4", True, dtype)
    assert layers[0].weight.device.type == "cuda"


def test_the_adapter_is_float32_lora_on_all_seven_linear_layers_of_every_block(trained):
    weights = load_file(trained.adapter / "adapter_model.safetensors")
    assert len(weights) == 30 * 7 * 2
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert all(tensor.any() for name, tensor in weights.items() if "lora_B" in name)  # they begin at zero


def test_of_a_4_bit_base_the_adapter_alone_is_trainable(embedded_model_module):
    base = load_base(DEFAULT_MODEL, "qlora").model
    model = get_peft_model(base, lora_config(TrainConfig(), base))
    trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trainable == {name for name, _ in model.named_parameters() if "lora_" in name}
    assert len(trainable) == 30 * 7 * 2


def test_training_lowers_the_loss_on_held_out_conversations_and_reports_the_gpu_s_memory(trained):
    figures = summary(trained)
    losses = [event["loss"] for event in events.read(trained) if event["kind"] == "step"]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert figures["validation_loss_after"] < 0.8 * figures["validation_loss_before"]
    assert 50_000_000 < figures["peak_memory_bytes"] <= torch.cuda.get_device_properties(0).total_memory


def test_the_base_pane_is_the_base_model_and_the_tuned_one_is_not(trained):
    engine = Engine()
    try:
        *_, pair = engine.reply(trained.id, ASKED, ASKED, max_new_tokens=40)
    finally:
        engine.close()
    base = load_base(DEFAULT_MODEL, "qlora")
    rows = [{"role": "user", "content": ASKED[0].content}]
    ids = torch.tensor([base.tokenizer.apply_chat_template(rows, add_generation_prompt=True, return_dict=False)])
    theirs = base.model.generate(ids.cuda(), do_sample=False, max_new_tokens=40)[0, ids.shape[1] :]
    assert pair.base.text == base.tokenizer.decode(theirs, skip_special_tokens=True)
    assert pair.base_is_base is True and pair.first_token_kl > 0.1
    assert pair.tuned.text != pair.base.text
