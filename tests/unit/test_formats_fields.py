"""What a field holds reaches the conversation as it was written, or is refused or mended by name."""

import json

import pytest

from formats import alpaca, messages, sharegpt
from formats.conversation import Conversation, Message, Origin, ToolCall
from formats.convert import convert
from formats.problems import RowProblem

HERE = Origin("f", 1)
DEEP = "[" * 100_000


def converted(tmp_path, given):
    path = tmp_path / "upload.json"
    path.write_text(given)
    (found,) = convert(path)
    return found


def chat(**reply):
    """A record of messages whose reply has these fields."""
    return {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", **reply}]}


def calling(arguments):
    return chat(content=None, tool_calls=[{"type": "function", "function": {"name": "f", "arguments": arguments}}])


@pytest.mark.parametrize("written", ["12", "-7", "1.10", "1e400", "1E5", "0.1000000000000000055", "9" * 5000])
def test_a_number_as_text_stays_as_it_was_written_and_is_counted(tmp_path, written):
    found = converted(tmp_path, f'{{"instruction": "How many?", "output": {written}}}')
    assert found.messages[1].content == written
    assert "number_as_text" in found.repairs


def test_nan_is_a_missing_value_and_never_the_word(tmp_path):
    row = '{"instruction": "a", "input": NaN, "output": "b", "system": NaN, "history": NaN, "tools": NaN, "train": NaN}'
    found = converted(tmp_path, row)
    assert found == Conversation((Message("user", "a"), Message("assistant", "b")), Origin("upload.json", 1))
    assert converted(tmp_path, '{"instruction": "a", "output": NaN}').code == "no_reply"
    turns = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": NaN}]}'
    assert converted(tmp_path, turns).code == "no_reply"


@pytest.mark.parametrize("arguments", ["NaN", "-Infinity", "1e400"])
def test_tool_arguments_that_json_has_no_word_for_are_refused(tmp_path, arguments):
    for record in (calling({"x": 0}), calling('{"x": 0}')):
        found = converted(tmp_path, json.dumps(record).replace("0", arguments))
        assert (found.code, found.turn) == ("bad_tool_call", 2)


@pytest.mark.parametrize("arguments", [5, [1], '"text"', "[1]", "null!", True])
def test_tool_arguments_that_are_no_object_are_refused(tmp_path, arguments):
    assert converted(tmp_path, json.dumps(calling(arguments))).code == "bad_tool_call"


@pytest.mark.parametrize("arguments", [None, "", {}, "{}", "null"])
def test_a_call_without_arguments_has_none(tmp_path, arguments):
    assert converted(tmp_path, json.dumps(calling(arguments))).messages[1].tool_calls == (ToolCall("f", "{}"),)


@pytest.mark.parametrize("tools", [["oops"], ["[1]"], [1], [None], "[1]", "5", [{"x": float("nan")}], DEEP])
def test_tools_that_are_no_definitions_are_refused(tmp_path, tools):
    assert converted(tmp_path, json.dumps({**chat(), "tools": tools})).code in ("bad_tools", "too_deep")


def test_tools_may_be_text_of_json_one_by_one_or_as_a_whole(tmp_path):
    tool = '{"name": "f", "parameters": {"type": "object"}}'
    for tools in ([tool], [json.loads(tool)], f"[{tool}]", tool, json.loads(tool)):
        assert converted(tmp_path, json.dumps({**chat(), "tools": tools})).tools == (tool,)


@pytest.mark.parametrize(
    "record",
    [
        calling(DEEP),
        {**chat(), "tools": DEEP},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "function_call", "value": DEEP}]},
    ],
)
def test_absurd_nesting_inside_a_text_is_a_problem_and_not_a_crash(tmp_path, record):
    assert converted(tmp_path, json.dumps(record)).code == "too_deep"


def test_nesting_near_the_limit_is_a_conversation_or_a_problem(tmp_path):
    for depth in range(880, 1000, 7):
        nested = "[" * depth + "]" * depth
        for record in (calling({"x": "@"}), {**chat(), "tools": [{"x": "@"}]}, {**chat(), "x": "@", "tools": 3}):
            found = converted(tmp_path, json.dumps(record).replace('"@"', nested))
            assert isinstance(found, (Conversation, RowProblem))


def test_a_column_that_is_null_does_not_hide_the_one_of_another_name():
    found = messages.read(chat(reasoning_content=None, reasoning="why"), HERE)
    assert found.messages[1].reasoning == "why"
    found = messages.read({**chat(), "system": None, "system_prompt": "S"}, HERE)
    assert found.messages[0] == Message("system", "S")
    found = messages.read({**chat(), "tools": None, "functions": [{"name": "f"}]}, HERE)
    assert found.tools == ('{"name": "f"}',)


def test_reasoning_and_system_in_parts_are_read_and_other_kinds_are_refused():
    parts = [{"type": "text", "text": "why"}]
    assert messages.read(chat(reasoning=parts), HERE).messages[1].reasoning == "why"
    assert messages.read({**chat(), "system": parts}, HERE).messages[0] == Message("system", "why")
    problem = messages.read(chat(reasoning={"steps": 3}), HERE)
    assert (problem.code, problem.turn, problem.field) == ("not_text", 2, "reasoning")
    problem = messages.read({**chat(), "system": {"x": 1}}, HERE)
    assert (problem.code, problem.turn, problem.field) == ("not_text", None, "system")


def test_a_system_column_that_a_system_turn_overrules_is_counted():
    record = chat()
    record["messages"].insert(0, {"role": "system", "content": "turn"})
    assert "system_column_ignored" in messages.read({**record, "system": "column"}, HERE).repairs
    assert messages.read({**record, "system": "turn"}, HERE).repairs == ()


def test_a_call_by_someone_else_than_the_assistant_is_refused():
    record = chat()
    record["messages"][0]["tool_calls"] = [{"function": {"name": "f", "arguments": "{}"}}]
    problem = messages.read(record, HERE)
    assert (problem.code, problem.turn, problem.field) == ("bad_tool_call", 1, "tool_calls")


def test_a_half_character_in_a_role_or_key_is_told_in_text_that_can_be_written(tmp_path):
    for record in (
        {"conversations": [{"from": "\ud800", "value": "a"}]},
        {"conversations": [{"\ud800": "a"}]},
        {"\ud800": 1},
    ):
        problem = converted(tmp_path, json.dumps(record))
        assert all(text.encode() for text in (problem.problem, problem.fix, problem.record))


def test_a_record_without_keys_is_called_so(tmp_path):
    assert converted(tmp_path, "{}").problem == "it is no chat in a known format: it has no keys."


def test_empty_reasoning_is_none():
    assert messages.read(chat(reasoning=[]), HERE).messages[1].reasoning is None


def test_a_record_that_is_no_object_is_called_what_it_is_in_json(tmp_path):
    for given, kind in (("[null]", "nothing"), ("[true]", "true or false"), ('["x"]', "text"), ("[1.5]", "a number")):
        assert f"{kind} instead of an object" in converted(tmp_path, given).problem


def test_the_context_that_dolly_gives_beside_an_instruction_is_part_of_the_prompt():
    found = alpaca.read({"instruction": "Who?", "context": "Ann did.", "response": "Ann", "category": "qa"}, HERE)
    assert found.messages[0].content == "Who?\nAnn did."


CALLS = Conversation(
    (
        Message("system", "Be kind.\n"),
        Message("user", "Weather \u00e9 \U0001f600 \u2028?"),
        Message(
            "assistant",
            "",
            tool_calls=(ToolCall("weather", '{"city": "Rome"}'), ToolCall("time", '{"zone": {"of": "Rome"}}')),
        ),
        Message("tool", ""),
        Message("tool", "12:00"),
        Message("assistant", "Clear.", reasoning="It says so.", train=False),
        Message("user", "And now?"),
        Message("assistant", "Let me look.", "Hm.", (ToolCall("weather", "{}"),)),
        Message("tool", "rain"),
        Message("assistant", "Rain."),
    ),
    HERE,
    tools=('{"name": "weather"}', '{"name": "time"}'),
)


@pytest.mark.parametrize("one", [sharegpt, messages])
def test_several_calls_empty_results_reasoning_and_flags_come_back_as_they_were(one):
    assert one.read(json.loads(json.dumps(one.write(CALLS))), HERE) == CALLS


@pytest.mark.parametrize("one", [sharegpt, messages])
@pytest.mark.parametrize("arguments", ['{"a":1.10}', '{ "a" : "\\u00e9" }', '{"a": {"b": [1, null, true]}}'])
def test_arguments_written_otherwise_mean_the_same_after_a_round_trip(one, arguments):
    given = Conversation(
        (Message("user", "a"), Message("assistant", "", tool_calls=(ToolCall("f", arguments),))),
        HERE,
    )
    back = one.read(json.loads(json.dumps(one.write(given))), HERE)
    assert json.loads(back.messages[1].tool_calls[0].arguments) == json.loads(arguments)


def test_alpaca_keeps_tools_and_refuses_to_train_on_history_that_was_not():
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"), Message("assistant", "d"))
    given = Conversation(turns, HERE, tools=('{"name": "f"}',))
    assert alpaca.read(json.loads(json.dumps(alpaca.write(given))), HERE) == given
    untrained = Conversation((turns[0], Message("assistant", "b", train=False), *turns[2:]), HERE)
    with pytest.raises(ValueError, match="trained on"):
        alpaca.write(untrained)
