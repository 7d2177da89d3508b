"""What the page's plan says, the command line says too, in words and in its JSON; so does a run, of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chat_templates import with_template
from stranger import ECHO, publish
from synthetic_runs import events_of, write

from ft.cli import main
from ft.config import TrainConfig
from ft.dataset import build
from ft.dataset.remarks import remarks
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import facts
from ft.presets import preset
from ft.runs.words import words
from ft.template.render import Renderer
from ft.train import preflight, tokens
from ft.train.data import Counts, prepare
from ft.train.remarks import remarks as remarks_of_run
from ft.ui import train_plan
from ft.ui.data_tokens import markup, summary

CALL = {"type": "function", "function": {"name": "weather", "arguments": "{}"}}
REASONING, TOOLS = "no place for reasoning", "no place for tools"
KINDS: dict[str, dict[str, Any]] = {
    REASONING: {"reasoning_content": "They greet."},
    TOOLS: {"tool_calls": [CALL]},
}
NOT_HELD_OUT = "cannot say whether the model got better"


@pytest.fixture
def model(tmp_path) -> str:
    """A model whose template has no place for reasoning and tools, and that reads 100 tokens."""
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2000}
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 384, "max_position_embeddings": 100}
    return publish(tmp_path / "model", ECHO, config=config | sizes)


def chats(path: Path, kinds: list[str], fraction: float = 0.1) -> Version:
    rows = []
    for number in range(20):
        more = KINDS[kinds[number % len(kinds)]] if kinds and number < 6 else {}
        turns = [{"role": "user", "content": f"Hi {number}"}, {"role": "assistant", "content": "Yo", **more}]
        rows.append(json.dumps({"messages": turns}))
    path.write_text("\n".join(rows))
    return build.save(build.stage([build.SourceFile(path, path.name)], validation_fraction=fraction), "chats")


def ran(capsys, *asked: str) -> tuple[str, dict[str, Any]]:
    """What a command says to a person, and its JSON."""
    assert main(list(asked)) == 0
    said = capsys.readouterr().out
    assert main([*asked, "--json"]) == 0
    return said, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("kind", KINDS)
def test_inspect_says_what_the_models_template_has_no_place_for(home, tmp_path, model, capsys, kind):
    chats(tmp_path / "chats.jsonl", [kind])
    said, document = ran(capsys, "inspect", "chats", "--model", model)
    (remark,) = [each for each in document["remarks"] if kind in each]
    assert remark in said and "6 conversations" in remark
    said, document = ran(capsys, "inspect", "chats", "--model", model, "--row", "1")
    assert kind in said and kind in " ".join(document["remarks"])
    _, other = ran(capsys, "inspect", "chats", "--model", model, "--row", "9")
    assert not other["remarks"]


def test_inspect_says_that_the_maximum_length_is_more_than_the_model_reads(home, tmp_path, model, capsys):
    chats(tmp_path / "chats.jsonl", [])
    said, document = ran(capsys, "inspect", "chats", "--model", model, "--max-length", "101")
    assert "reads at most 100 tokens" in said and "reads at most 100 tokens" in " ".join(document["remarks"])
    _, document = ran(capsys, "inspect", "chats", "--model", model, "--max-length", "100")
    assert document["remarks"] == []


@pytest.mark.parametrize("command", ["convert", "check"])
@pytest.mark.parametrize(("kind", "words"), [(REASONING, "6 conversations with reasoning"), (TOOLS, "with tools")])
def test_convert_and_check_say_what_many_templates_have_no_place_for(home, tmp_path, capsys, command, kind, words):
    file = tmp_path / "chats.jsonl"
    chats(file, [kind])
    asked = ["convert", str(file), "--name", "chats"] if command == "convert" else ["check", "chats"]
    said, document = ran(capsys, *asked)
    (remark,) = [each for each in document["remarks"] if words in each]
    assert remark in said and "sidetune inspect chats --model" in remark


def test_convert_and_check_say_that_nothing_is_held_out(home, tmp_path, capsys):
    file = tmp_path / "one.json"
    file.write_text(json.dumps([{"prompt": "Hi", "completion": "Yo"}]))
    for asked in (["convert", str(file), "--name", "one"], ["check", "one"], ["datasets", "one"]):
        said, document = ran(capsys, *asked)
        assert NOT_HELD_OUT in said
        assert asked[0] == "datasets" or any(NOT_HELD_OUT in each for each in document["remarks"])


def test_there_is_nothing_to_say_of_plain_chats_of_which_some_are_held_out(home, tmp_path):
    assert remarks(chats(tmp_path / "chats.jsonl", [])) == []


def test_conversations_with_reasoning_are_counted_across_the_groups_of_a_large_file(home, tmp_path):
    turn = {"role": "assistant", "content": "Yo"}
    rows = [
        {"messages": [{"role": "user", "content": f"Hi {n}"}, {**turn, **({"reasoning": "So."} if n % 4 == 0 else {})}]}
        for n in range(2_500)
    ]
    for row in rows[:3]:  # two replies that think are one conversation
        row["messages"] += [{"role": "user", "content": "And?"}, {**turn, "reasoning": "Hm."}]
    file = tmp_path / "chats.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    saved = build.save(build.stage([build.SourceFile(file, file.name)]), "chats")
    assert "627 conversations with reasoning" in remarks(saved)[0]


def test_conversations_in_which_nothing_is_learned_are_told_by_every_command(home, tmp_path, capsys, model):
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo", "weight": 0}]
    rows = [
        {"messages": [{**turns[0], "content": f"Hi {n}"}, turns[1] | ({"weight": 1} if n else {})]} for n in range(6)
    ]
    file = tmp_path / "chats.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    for asked in (["convert", str(file), "--name", "chats"], ["check", "chats"], ["datasets", "chats"]):
        said, document = ran(capsys, *asked)
        assert "In 1 conversation every reply is marked as not to be trained on, so training leaves it out." in said
        assert any("In 1 conversation every reply" in each for each in document["remarks"])
    said, document = ran(capsys, "inspect", "chats", "--model", model)
    assert "1 without a reply to learn from left out" in said and any("1 without" in x for x in document["remarks"])


def test_a_template_that_does_not_write_replies_is_what_is_to_blame_for_them(home, tmp_path, capsys):
    silent = publish(
        tmp_path / "silent",
        "{% for m in messages %}{% if m.role != 'assistant' %}{{ m.content }}{% endif %}{% endfor %}",
        config={"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64}
        | {"num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 384, "max_position_embeddings": 100},
    )
    dataset = chats(tmp_path / "chats.jsonl", [])
    said, _ = ran(capsys, "inspect", "chats", "--model", silent)
    assert "20 left out, as the model's chat template does not write their replies" in said
    with pytest.raises(UserError, match="its chat template does not write what the assistant says"):
        preflight.check(dataset, preset("cpu").config.with_settings({"model": silent, "max_length": 100}))


def test_a_dataset_is_inspected_at_no_more_tokens_than_the_model_reads(home, tmp_path, capsys, model):
    chats(tmp_path / "chats.jsonl", [])
    said, document = ran(capsys, "inspect", "chats", "--model", model)
    assert document["max_length"] == 100 and "cannot be trained" not in said
    said, document = ran(capsys, "inspect", "chats", "--model", model, "--max-length", "512")
    assert document["max_length"] == 512 and "cannot be trained with a maximum length of 512" in said


def test_the_page_the_trial_and_the_run_say_the_same(home, tmp_path, model):
    dataset = chats(tmp_path / "chats.jsonl", list(KINDS), fraction=0)
    config = preset("cpu").config.with_settings({"model": model, "max_length": 100, "learning_rate": 1e-5})
    plan = preflight.check(dataset, config)
    wanted = (REASONING, TOOLS, NOT_HELD_OUT, "Without Regret's rule")
    assert [sum(each in remark for remark in plan.remarks) for each in wanted] == [1, 1, 1, 1]
    page = train_plan.plan(plan, config, preset("cpu"), facts.of(model))
    assert all(remark in page for remark in plan.remarks)
    renderer = Renderer(with_template(ECHO))
    counts = Counts()
    assert len(list(prepare(dataset.conversations("train"), renderer, config, counts))) == 20
    said = remarks_of_run(config, counts, Counts(), facts.of(model))
    assert [sum(each in remark for remark in said) for each in wanted] == [1, 1, 1, 1]


def test_a_maximum_length_beyond_the_model_is_refused_by_whatever_trains(home, tmp_path, model):
    dataset = chats(tmp_path / "chats.jsonl", [])
    assert main(["train", "chats", "--model", model, "--set", "max_length=101"]) == 1
    assert not (home / "runs").exists()
    with pytest.raises(preflight.UserError, match="at most 100 tokens"):
        preflight.check(dataset, TrainConfig().with_settings({"model": model, "max_length": 101}))


def test_a_run_tells_what_was_known_before_it_trained(home, capsys):
    events = events_of(lambda _: 3.0, None, steps=2)
    (data,) = [event for event in events if event["kind"] == "data"]
    data["remarks"] = ["Reasoning is left out.", "Nothing is held out."]
    assert words(data).splitlines()[1:] == data["remarks"]
    run = write(home, "x", events)
    said, document = ran(capsys, "runs", run.id)
    assert document["remarks"] == data["remarks"] and "Reasoning is left out." in said
    assert "\nAdvice" in said
    plain = write(home, "y", events_of(lambda _: 3.0, None, steps=2), hour=1)
    assert ran(capsys, "runs", plain.id)[1]["remarks"] == []


def test_the_tokens_panel_says_it_too(home, tmp_path, model):
    dataset = chats(tmp_path / "chats.jsonl", list(KINDS))
    config = TrainConfig().with_settings({"model": model, "max_length": 100})
    assert REASONING in markup(tokens.look_at(dataset, 1, config), 1)
    assert "&lt;tools&gt;" in markup(tokens.look_at(dataset, 2, config), 2)
    said = summary(tokens.count_all(dataset, config), 100)
    assert REASONING in said and "&lt;tools&gt;" in said
