"""What a chat template cannot write stops neither a run nor the page: a system text goes to the user's first turn, and
a conversation that still cannot be written is left out and counted."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from chat_templates import chat, with_template
from jinja2 import TemplateError
from stranger import publish

from formats.conversation import Message
from ft.chat.engine import Engine
from ft.cli import main
from ft.config import TrainConfig
from ft.dataset import build
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.template.messages import SYSTEM_WITH_USER, template_messages
from ft.template.render import Renderer, UnwritableError
from ft.train.data import Counts, prepare
from ft.train.preflight import check
from ft.train.questions import questions
from ft.train.remarks import remarks
from ft.ui.data_tokens import count_all

TURN = "<|{{ m['role'] }}|>{{ m['content'] }}<|end|>"
ASK = "{% if add_generation_prompt %}<|assistant|>{% endif %}"
# As Gemma 2 has it: users and assistants in turn, and nobody else.
IN_TURN = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}" + TURN + "{% endfor %}" + ASK
)
REFUSES_TOOLS = (
    "{% for m in messages %}{% if m['role'] == 'tool' or '<tool_response>' in m['content'] %}"
    "{{ raise_exception('no tools here') }}{% endif %}" + TURN + "{% endfor %}" + ASK
)
DROPS = "{% for m in messages if m['role'] != 'system' %}" + TURN + "{% endfor %}" + ASK
TAKES = "{% for m in messages %}" + TURN + "{% endfor %}" + ASK
SYSTEM, HI, HELLO = Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello!")
TWICE = chat(HI, Message("user", "Anybody?"), HELLO)  # not in turn


def renderer(template: str) -> Renderer:
    return Renderer(with_template(template))


def learned(rendered: Any, tokenizer: Any) -> str:
    return tokenizer.decode(
        [token for token, trained in zip(rendered.input_ids, rendered.trained, strict=True) if trained]
    )


@pytest.mark.parametrize("template", [IN_TURN, DROPS], ids=["refuses it", "drops it"])
def test_a_system_text_that_has_no_place_begins_the_users_first_turn(template: str):
    writes = renderer(template)
    whole = chat(SYSTEM, HI, HELLO, Message("user", "Bye"), Message("assistant", "Bye!"))
    (sample,) = writes.samples(whole)
    text = writes.tokenizer.decode(sample.input_ids)
    assert text.startswith("<|user|>Be brief.\n\nHi<|end|><|assistant|>Hello!") and text.count("Be brief.") == 1
    assert "Hello!" in learned(sample, writes.tokenizer) and "Be brief." not in learned(sample, writes.tokenizer)
    assert writes.remarks(whole) == [SYSTEM_WITH_USER] and writes.remarks(chat(HI, HELLO)) == []
    # The chat asks in the same way as was trained.
    rows, _ = template_messages((SYSTEM, HI), (), writes.native_tools)
    prompt = writes.prompt(rows)
    assert sample.input_ids[: len(prompt)] == prompt


def test_where_the_assistant_speaks_first_the_system_text_is_a_turn_of_its_own():
    (sample,) = renderer(IN_TURN).samples(chat(SYSTEM, HELLO, HI, HELLO))
    assert with_template(IN_TURN).decode(sample.input_ids).startswith("<|user|>Be brief.<|end|><|assistant|>Hello!")


def test_a_template_with_a_place_for_it_is_left_alone():
    writes = renderer(TAKES)
    (sample,) = writes.samples(chat(SYSTEM, HI, HELLO))
    assert writes.tokenizer.decode(sample.input_ids).startswith("<|system|>Be brief.<|end|><|user|>Hi")
    assert writes.remarks(chat(SYSTEM, HI, HELLO)) == []


def test_a_conversation_that_cannot_be_written_is_left_out_and_counted():
    counts, config = Counts(), TrainConfig()
    found = list(prepare([chat(HI, HELLO), TWICE, chat(SYSTEM, HI, HELLO), TWICE], renderer(IN_TURN), config, counts))
    assert (len(found), counts.used, counts.refused, len(counts.lengths)) == (2, 2, 2, 2)
    (said,) = [each for each in remarks(config, counts, Counts(used=1), None) if "cannot write" in each]
    assert "2 left out" in said and "chats.json, record 7" in said and "roles must alternate" in said
    with pytest.raises(UnwritableError, match="roles must alternate"):
        renderer(IN_TURN).samples(TWICE)


def saved(path: Path, in_turn: int, twice: int) -> Version:
    """A dataset of conversations whose turns the template takes, and of those that it does not."""
    said = {"role": "assistant", "content": "Yes."}
    rows = [[{"role": "user", "content": f"{n}?"}, said] for n in range(in_turn)]
    rows += [
        [{"role": "user", "content": f"Again {n}?"}, said, {"role": "tool", "content": "!"}, said] for n in range(twice)
    ]
    path.write_text("\n".join(json.dumps({"messages": row}) for row in rows))
    return build.save(build.stage([build.SourceFile(path, path.name)], validation_fraction=0.2), "chats")


@pytest.fixture
def model(tmp_path: Path) -> str:
    return publish(tmp_path / "model", REFUSES_TOOLS)


def test_a_run_and_the_count_of_tokens_go_on_with_what_can_be_written(home, tmp_path, model, capsys):
    version = saved(tmp_path / "chats.jsonl", 20, 5)
    found = check(version, TrainConfig(model=model))
    assert found.train + found.validation == 20 and "left out" in " ".join(found.remarks)
    assert main(["inspect", "chats", "--model", model, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["conversations"] == 20 and "5 left out" in " ".join(told["remarks"])
    assert "5 left out" in list(count_all("chats", "", model, 512))[-1][2]


def test_where_nothing_can_be_written_the_first_is_named(home, tmp_path, model):
    version = saved(tmp_path / "chats.jsonl", 0, 5)
    with pytest.raises(UserError, match=r"none of the conversations.*record [1-5].*no tools here"):
        check(version, TrainConfig(model=model))
    assert "none of the conversations" in str(list(count_all("chats", "", model, 512))[-1][-1])


def test_the_chat_says_what_cannot_be_written():
    def refuse(rows: Any) -> Any:
        raise TemplateError("Conversation roles must alternate")

    engine = Engine()
    text_config = SimpleNamespace(max_position_embeddings=100)
    engine._loaded = SimpleNamespace(model=SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: text_config)))
    engine._longest_token = 10
    engine._renderer = SimpleNamespace(native_tools=True, prompt=refuse)
    with pytest.raises(UserError, match="cannot write it: Conversation roles must alternate\\."):
        engine._prompt([HI, HI], 10)


def test_an_opening_that_cannot_be_written_is_no_question_of_a_run():
    found = questions([chat(HI, HI, HELLO), chat(SYSTEM, HI, HELLO)], renderer(IN_TURN), 3)
    assert [asked for asked, _ in found] == ["Hi"]
