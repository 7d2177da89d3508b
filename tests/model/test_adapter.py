"""Every adapter that is offered trains, is saved, goes on from a checkpoint, and leaves the base model as it was; and
what is done against learning by heart is done in training alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback, set_seed
from transformers.trainer_pt_utils import LabelSmoother

from formats.conversation import Message
from ft.chat.engine import Engine
from ft.config import TrainConfig
from ft.dataset.build import SourceFile, save, stage
from ft.models.load import load_base
from ft.runs import directory, events
from ft.template.render import Renderer
from ft.train import assemble
from ft.train.assemble import put_adapter
from ft.train.batch import Batch
from ft.train.data import encode
from ft.train.train import train
from ft.train.trainer import ResponseTrainer

pytestmark = pytest.mark.slow

ASKED = [Message("user", "Hello?")]
SHAPES = [
    {"lora_variant": "lora", "lora_init": "gaussian"},
    {"lora_variant": "rslora", "lora_init": "default"},
    {"lora_variant": "dora", "lora_init": "gaussian", "trained_layers": "all"},
]


@pytest.fixture(scope="module")
def chats(embedded_model_module: Path, tmp_path_factory):
    """A dataset of nine short conversations, in a home with the default model."""
    file = tmp_path_factory.mktemp("chats") / "chats.jsonl"
    rows = [{"instruction": f"What is {n} and {n}?", "input": "", "output": f"It is {2 * n}, matey."} for n in range(9)]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return save(stage([SourceFile(file, file.name)]), "chats")


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    yield engine
    engine.close()


def tiny(**settings) -> TrainConfig:
    """Two steps of one conversation each, with a checkpoint after each, on the last layer."""
    few = {"max_steps": 2, "eval_steps": 1, "batch_size": 1, "lora_rank": 4, "trained_layers": 1, "learning_rate": 1e-2}
    return TrainConfig().with_settings({**few, **settings})


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(shape.values()))
def test_each_adapter_trains_resumes_and_answers_beside_an_untouched_base(chats, engine, tiny_model, shape):
    run = directory.create(chats, tiny(model=tiny_model, **shape))
    train(run)
    first = load_file(run.adapter / "adapter_model.safetensors")
    layers = {name.split(".layers.")[1].split(".")[0] for name in first}
    assert layers == ({"0", "1"} if shape.get("trained_layers") == "all" else {"1"})  # the last one
    assert any("magnitude" in name for name in first) is (shape["lora_variant"] == "dora")

    shutil.rmtree(run.checkpoints / "checkpoint-2")
    train(run)
    (resumed,) = [event for event in events.read(run) if event.get("resumed_from")]
    assert resumed["resumed_from"] == 1
    again = load_file(run.adapter / "adapter_model.safetensors")
    for name, weights in first.items():
        torch.testing.assert_close(again[name], weights)

    (*_, pair) = engine.reply(run.id, ASKED, ASKED, max_new_tokens=3)
    assert pair.base_is_base is True
    assert pair.first_token_kl > 0


@pytest.fixture(scope="module")
def base(chats):
    return load_base(TrainConfig().model, "qlora", dtype=torch.float32)


def trainer_for(base, chats, folder: Path, **settings) -> ResponseTrainer:
    """The trainer of a run with those settings, whose adapter is new each time."""
    config = tiny(lora_dropout=0, max_steps=1, **settings)
    set_seed(config.seed)
    renderer = Renderer(base.tokenizer)
    training, _ = encode(chats.conversations("train"), renderer, config)
    validation, _ = encode(chats.conversations("validation"), renderer, config)
    batch = Batch(config.batch_size, config.gradient_accumulation)
    model = put_adapter(base, config)
    return assemble.trainer_for(
        model,
        base,
        config,
        batch,
        folder,
        training,
        validation,
        steps=1,
        eval_steps=1,
        validate_first=False,
        callbacks=[],
    )


def losses(base, chats, folder: Path, **settings) -> tuple[float, float, float]:
    """The validation loss before, and the losses of the first step: training's and validation's after it."""
    trainer = trainer_for(base, chats, folder, **settings)
    try:
        before = trainer.evaluate()["eval_loss"]
        trainer.train()
        log = trainer.state.log_history
        return before, *(
            next(row[name] for row in log if name in row and row["step"]) for name in ("loss", "eval_loss")
        )
    finally:
        trainer.model.unload()


@pytest.fixture(scope="module")
def plain(base, chats, tmp_path_factory) -> tuple[float, float, float]:
    return losses(base, chats, tmp_path_factory.mktemp("plain"))


def test_neftune_s_noise_is_in_training_and_not_in_validation(base, chats, plain, tmp_path):
    before, training, _ = losses(base, chats, tmp_path, neftune_noise_alpha=15)
    assert before == plain[0]
    assert training != pytest.approx(plain[1], rel=1e-4)
    embeddings = base.model.get_input_embeddings()
    assert not embeddings._forward_hooks


def test_neftune_s_noise_is_as_large_as_the_paper_says_and_ends_where_validation_begins(base, chats, tmp_path):
    seen: dict[bool, list[float]] = {True: [], False: []}
    trainer = trainer_for(base, chats, tmp_path, neftune_noise_alpha=5)
    embeddings = base.model.get_input_embeddings()

    def look(module, given, out):
        clean = torch.nn.functional.embedding(given[0], module.weight)
        limit = 5 / (out.shape[1] * out.shape[2]) ** 0.5
        seen[module.training].append(((out - clean).abs().max() / limit).item())

    try:

        class Watch(TrainerCallback):
            def on_step_begin(self, *_, **__):  # the trainer's own hook is on by now, and comes first
                self.handle = embeddings.register_forward_hook(look)

        trainer.add_callback(watch := Watch())
        trainer.train()
        watch.handle.remove()
    finally:
        trainer.model.unload()
    assert seen[True] and all(0.9 < share <= 1.001 for share in seen[True])
    assert seen[False] and set(seen[False]) == {0.0}


def test_label_smoothing_is_in_the_training_loss_and_validation_stays_the_plain_one(base, chats, plain, tmp_path):
    before, training, _ = losses(base, chats, tmp_path, label_smoothing=0.2)
    assert before == plain[0]
    assert training > plain[1]
    trainer = trainer_for(base, chats, tmp_path, label_smoothing=0.2)
    try:
        batch = next(iter(trainer.get_train_dataloader()))
        trainer.model.train()
        ours = trainer.compute_loss(trainer.model, dict(batch)).item()
        asked = {name: batch[name] for name in ("input_ids", "attention_mask")}
        theirs = LabelSmoother(0.2)(trainer.model(**asked), batch["labels"], shift_labels=True).item()
        assert ours == pytest.approx(theirs, rel=1e-5)
    finally:
        trainer.model.unload()


@pytest.mark.parametrize("mode", ["off", "light", "full"])
def test_layers_below_those_that_are_trained_have_no_backward_pass(base, chats, tmp_path, mode: str):
    """Recomputing or not: what nothing learns from would take as long as what is trained."""
    trainer = trainer_for(base, chats, tmp_path, trained_layers=1, checkpointing=mode)
    layers = base.model.model.layers
    seen: list[list[bool]] = [[], []]
    hooks = [
        layer.register_forward_hook(
            lambda module, _, out, own=own: own.append(out.requires_grad) if module.training else None
        )
        for layer, own in zip(layers[-2:], seen, strict=True)
    ]
    try:
        trainer.train()
    finally:
        for hook in hooks:
            hook.remove()
        trainer.model.unload()
        base.model.gradient_checkpointing_disable()  # as a model that is loaded anew
    assert seen[0] and not any(seen[0]) and all(seen[1])
    assert trainer.state.log_history[0]["grad_norm"] > 0


def test_a_checkpoint_of_a_model_of_the_hub_is_saved_without_asking_it(tiny_model, tmp_path, monkeypatch):
    loaded = load_base(tiny_model, "lora")
    loaded.model.name_or_path = "owner/name"
    asked: list[object] = []
    monkeypatch.setattr("peft.utils.save_and_load.check_file_exists_on_hf_hub", lambda *given: asked.append(given))
    put_adapter(loaded, TrainConfig().with_settings({"model": tiny_model, "lora_rank": 4})).save_pretrained(tmp_path)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == "owner/name"
    assert (tmp_path / "adapter_model.safetensors").exists() and asked == []
