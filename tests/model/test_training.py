"""A real training of the sample on the real model: what it leaves, and how it stops, dies and goes on."""

import json

import pytest
from safetensors.torch import load_file

from ft.config import TrainConfig
from ft.dataset import change, edit, parquet, versions
from ft.dataset.build import SourceFile, save, stage
from ft.dataset.sample import SAMPLE_NAME
from ft.errors import UserError
from ft.runs import deletion, directory, events, launch
from ft.runs.compare import compare, told
from ft.runs.curves import Curves
from ft.runs.reader import Reader
from ft.runs.status import log_tail, status, summary
from ft.train import preflight

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]


def test_the_sample_trains_and_validation_loss_falls_clearly(trained):
    figures = summary(trained)
    assert figures["status"] == "finished"
    assert figures["validation_loss_after"] < 0.8 * figures["validation_loss_before"]
    assert figures["tokens_per_second"] > 0 and figures["trained_tokens"] > 1000
    assert figures["peak_memory_bytes"] > 100_000_000
    curves = Curves.of(events.read(trained))
    assert curves.points("loss") and curves.validations()


def test_the_log_tells_people_what_happened_and_nothing_of_what_libraries_say_to_each_other(trained):
    log = log_tail(trained)
    steps = summary(trained)["step"]
    assert f"Step {steps} of {summary(trained)['steps']}, loss" in log
    assert "Loading the base model in 4-bit NF4" in log and "before training" in log
    assert "Warning" not in log and "kernels" not in log


def test_the_adapter_is_float32_lora_on_all_seven_linear_layers_of_every_block(trained):
    weights = load_file(trained.adapter / "adapter_model.safetensors")
    assert len(weights) == 30 * 7 * 2
    assert {str(tensor.dtype) for tensor in weights.values()} == {"torch.float32"}
    assert any(tensor.abs().max() > 0 for name, tensor in weights.items() if "lora_B" in name)


def test_the_kept_adapter_is_the_best_checkpoint_s(trained):
    best = summary(trained)["best_step"]
    kept = load_file(trained.adapter / "adapter_model.safetensors")
    saved = load_file(trained.checkpoints / f"checkpoint-{best}" / "adapter_model.safetensors")
    assert all((kept[name] == saved[name]).all() for name in saved)


def test_runs_before_and_after_a_conversation_was_corrected_are_ranked_also_once_the_dataset_is_gone(tiny_run):
    before = tiny_run(max_steps=2, eval_steps=1)
    first = versions.find(SAMPLE_NAME)
    row = parquet.index(first.conversations_path)["split"].to_pylist().index("train")
    edit.apply(first, change.deletion([row]))
    after = directory.create(versions.find(SAMPLE_NAME), before.config.train)
    for run in (before, after):
        launch.start(run)
        for _ in launch.wait(run):
            pass
    assert [run.config.version for run in (before, after)] == ["v1", "v2"]
    deletion.delete_dataset(SAMPLE_NAME)
    comparison = compare([told(run, Reader()) for run in (before, after)])
    assert comparison.ranked, comparison.why


def test_what_a_run_would_do_is_said_before(sample):
    found = preflight.check(sample, TrainConfig(epochs=2, batch_size=4))
    assert found.train + found.validation == 60
    assert found.steps == 2 * -(-found.train // 4)
    assert 0 < found.trained_tokens < found.tokens
    assert found.over_limit == 0
    tight = preflight.check(sample, TrainConfig(max_length=100))
    assert tight.over_limit > 0 and any("over-long" in message for message in tight.remarks)


def test_what_the_chat_template_has_no_place_for_is_said_before(sample, tmp_path):
    call = {"type": "function", "function": {"name": "weather", "arguments": "{}"}}
    rows = [
        {"messages": [{"role": "user", "content": f"Hi {n}"}, {"role": "assistant", "content": "Yo", **more}]}
        for n, more in enumerate(({"reasoning_content": "They greet."}, {"tool_calls": [call]}, {}))
    ]
    file = tmp_path / "chats.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    said = preflight.check(save(stage([SourceFile(file, file.name)]), "kept"), TrainConfig()).remarks
    for words in ("no place for tools", "no place for reasoning"):
        assert any(words in each for each in said), (words, said)
        assert not any(words in each for each in preflight.check(sample, TrainConfig()).remarks)


def test_over_long_conversations_are_refused_by_name_where_that_was_asked(sample):
    with pytest.raises(UserError, match=r"sample\.jsonl, record \d+: it has \d+ tokens"):
        preflight.check(sample, TrainConfig(max_length=60, overlong="refuse"))


def test_nothing_left_to_train_on_is_said_before(sample):
    with pytest.raises(UserError, match="no conversation of it can be trained on"):
        preflight.check(sample, TrainConfig(max_length=16))


def test_too_many_layers_end_the_run_with_what_to_do(tiny_run):
    run = tiny_run(trained_layers=99)
    launch.start(run)
    for _ in launch.wait(run):
        pass
    assert status(run).state == "failed"
    assert "2 layers" in status(run).message and "1 to 2" in status(run).message
