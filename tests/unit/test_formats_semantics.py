"""What a record means: the semantics that people's files were written for."""

import json

import pytest
from field_files import DATA, needs_field_files

from formats import alpaca, messages, sharegpt
from formats.conversation import Conversation, Message, Origin, ToolCall
from formats.convert import convert, describe
from formats.problems import RowProblem
from formats.repair import REPAIRS

HERE = Origin("f", 1)
CHAT = Conversation(
    (
        Message("system", "Be kind."),
        Message("user", "Weather?"),
        Message("assistant", "", tool_calls=(ToolCall("weather", '{"city": "Rome"}'),)),
        Message("tool", '{"sky": "clear"}'),
        Message("assistant", "Clear.", train=False),
        Message("user", "Thanks"),
        Message("assistant", "Welcome!"),
    ),
    HERE,
    tools=('{"name": "weather"}',),
)
PLAIN = Conversation(
    (
        Message("system", "S"),
        Message("user", "a"),
        Message("assistant", "b"),
        Message("user", "c"),
        Message("assistant", "d"),
    ),
    HERE,
)


@pytest.mark.parametrize("one", [sharegpt, messages])
def test_a_chat_with_tools_comes_back_as_it_was(one):
    assert one.read(json.loads(json.dumps(one.write(CHAT))), HERE) == CHAT


@pytest.mark.parametrize("one", [sharegpt, messages, alpaca])
def test_a_plain_chat_comes_back_as_it_was(one):
    assert one.read(json.loads(json.dumps(one.write(PLAIN))), HERE) == PLAIN


def test_alpaca_refuses_to_write_what_it_has_no_place_for():
    with pytest.raises(ValueError, match="pairs"):
        alpaca.write(CHAT)


def test_alpaca_s_prompt_is_instruction_line_break_input():
    def prompt(**record):
        return alpaca.read({"output": "o", **record}, HERE).messages[0].content

    assert prompt(instruction="Translate", input="cat") == "Translate\ncat"
    assert prompt(instruction="Translate", input="") == "Translate"
    assert prompt(instruction="", input="cat") == "cat"
    assert prompt(instruction="Translate") == "Translate"


def test_alpaca_s_history_comes_first_and_the_system_column_before_it():
    record = {"instruction": "c", "output": "d", "history": [["a", "b"]], "system": "S"}
    assert alpaca.read(record, HERE) == PLAIN


def test_a_first_system_turn_wins_over_the_system_column():
    turns = [{"from": "system", "value": "turn"}, {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
    read = sharegpt.read({"conversations": turns, "system": "column"}, HERE)
    assert [m.content for m in read.messages] == ["turn", "a", "b"]
    read = sharegpt.read({"conversations": turns[1:], "system": "column"}, HERE)
    assert [m.content for m in read.messages] == ["column", "a", "b"]


@pytest.mark.parametrize("role", ["gpt", "assistant", "chatgpt", "bing", "bard", "bot", "model", "GPT"])
def test_the_assistant_is_known_by_all_its_names(role):
    read = sharegpt.read({"conversations": [{"from": "human", "value": "a"}, {"from": role, "value": "b"}]}, HERE)
    assert read.messages[1].role == "assistant"
    assert ("role_normalised" in read.repairs) == (role.lower() not in ("gpt", "assistant"))


def test_repairs_are_made_and_named():
    turns = [
        {"from": "gpt", "value": "Welcome"},
        {"from": "human", "value": "a"},
        {"from": "human", "value": "b"},
        {"from": "gpt", "value": ""},
        {"from": "gpt", "value": "c"},
        {"from": "human", "value": "bye"},
    ]
    read = sharegpt.read({"conversations": turns}, HERE)
    assert read.messages == (
        Message("assistant", "Welcome", train=False),
        Message("user", "a\n\nb"),
        Message("assistant", "c"),
    )
    assert set(read.repairs) == {"leading_assistant_kept", "turns_merged", "empty_turn_removed", "trailing_turns_cut"}
    assert set(read.repairs) <= set(REPAIRS)


def test_weights_decide_which_turns_train():
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "weight": 0},
        {"role": "user", "content": [{"type": "text", "text": "c"}]},
        {"role": "assistant", "content": "d", "loss_weight": 1.0},
    ]
    read = messages.read({"messages": turns}, HERE)
    assert [(m.content, m.train) for m in read.messages] == [("a", True), ("b", False), ("c", True), ("d", True)]


def test_a_problem_points_home():
    turns = [{"from": "human", "value": "a"}, {"from": "wizard", "value": "b"}]
    problem = sharegpt.read({"conversations": turns}, Origin("chats.json", 7))
    assert isinstance(problem, RowProblem)
    assert (problem.origin, problem.turn, problem.field, problem.code) == (
        Origin("chats.json", 7),
        2,
        "from",
        "unknown_role",
    )
    assert json.loads(problem.record) == {"conversations": turns}


@needs_field_files
@pytest.mark.parametrize(
    ("name", "format", "count"),
    [
        ("alpaca_en_demo.json", "alpaca", 999),
        ("identity.json", "alpaca", 91),
        ("glaive_toolcall_en_demo.json", "sharegpt", 300),
        ("v1_sft_demo.jsonl", "messages", 500),
    ],
)
def test_the_field_s_own_files_are_read_whole(name, format, count):
    assert describe(DATA / name).format == format
    out = list(convert(DATA / name))
    assert [type(item) for item in out] == [Conversation] * count


@needs_field_files
def test_tools_and_calls_of_the_field_s_own_file_are_intact():
    records = json.loads((DATA / "glaive_toolcall_en_demo.json").read_text())
    for record, read in zip(records, convert(DATA / "glaive_toolcall_en_demo.json"), strict=True):
        calls = [json.loads(turn["value"]) for turn in record["conversations"] if turn["from"] == "function_call"]
        ours = [call for message in read.messages for call in message.tool_calls]
        assert [(c.name, json.loads(c.arguments)) for c in ours] == [(c["name"], c["arguments"]) for c in calls]
        assert [json.loads(tool) for tool in read.tools] == json.loads(record["tools"] or "[]")
