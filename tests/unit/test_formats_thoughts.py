"""What a file marks as a thought becomes the reasoning of the reply, and is never joined to it and learnt as one."""

from __future__ import annotations

import json

import pytest

from formats.columns import Columns
from formats.conversation import Conversation, Message, Origin
from formats.convert import convert, convert_record
from formats.guess import guess
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading

HERE = Origin("f", 1)
ASK = {"role": "user", "content": "Where?"}
ASKED = Message("user", "Where?")
REPLY = {"role": "assistant", "content": "Here."}
THOUGHT_THEN_REPLY = (ASKED, Message("assistant", "Here.", reasoning="Let me see."))


def read(record: object, **reading) -> Conversation | RowProblem:
    return convert_record(record, HERE, Reading(**reading))


def thought(**marks) -> dict:
    return {"role": "assistant", "content": "Let me see.", **marks}


TURNS = [
    thought(isThought=True),
    thought(is_thought=True),
    thought(thought=True),
    thought(isThinking="true"),
    thought(type="thinking"),
    thought(type="Reasoning"),
    thought(content_type="thoughts"),
    thought(channel="analysis"),
    thought(role="thinking"),
    thought(role="reasoning"),
    {"role": "assistant", "content": "", "reasoning_content": "Let me see."},
    {"role": "assistant", "thinking": "Let me see."},
    {"role": "assistant", "content": {"type": "thinking", "thinking": "Let me see."}},
    {"role": "assistant", "content": [{"type": "thinking", "thinking": "Let me see."}]},
    {"role": "assistant", "content": [{"text": "Let me see.", "thought": True}]},
]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("how", ["known", "guessed", "mapped"])
def test_a_turn_that_is_a_thought_is_the_reasoning_of_the_reply_behind_it(turn, how):
    record = {"messages" if how == "known" else "log": [ASK, turn, REPLY]}
    columns = None
    if how == "guessed":
        columns, _ = guess([record])
    elif how == "mapped":
        roles = {"thinking": "assistant", "reasoning": "assistant", "user": "user", "assistant": "assistant"}
        columns = Columns(turns="log", role="role", text="content", roles=roles)
    found = read(record, columns=columns)
    assert found.messages == THOUGHT_THEN_REPLY
    assert "thoughts_joined" in found.repairs and "turns_merged" not in found.repairs
    off = read(record, columns=columns, repairs={"thoughts_joined": False})
    assert off.code == "thoughts_joined"


def test_what_is_thought_between_two_replies_stays_between_them():
    again = {"role": "assistant", "content": "No, there.", "reasoning": "I was wrong."}
    last = {"role": "assistant", "content": "Sure."}
    first = {**REPLY, "reasoning": "Let me see."}
    found = read({"messages": [ASK, first, again, last]})
    thinks_again = Message("assistant", "No, there.\n\nSure.", reasoning="I was wrong.")
    assert found.messages == (*THOUGHT_THEN_REPLY, thinks_again)
    calls = {**REPLY, "content": "", "tool_calls": [{"name": "look", "arguments": {}}]}
    assert [message.reasoning for message in read({"messages": [ASK, calls, again]}).messages][:1] == [None]
    assert "No, there." not in str(read({"messages": [ASK, calls, again]}))  # the call's result is missing between


@pytest.mark.parametrize(
    "reply",
    [
        {"content": "Here.", "reasoning": "Let me see."},
        {"content": "Here.", "thinking_content": "Let me see."},
        {"content": "Here.", "thoughts": ["Let me see."]},
        {"content": "Here.", "reasoning": "Let me see.", "type": "reasoning"},
        {
            "content": [
                {"type": "thinking", "thinking": "Let me see.", "signature": "x"},
                {"type": "text", "text": "Here."},
            ]
        },
        {"content": [{"type": "think", "think": "Let me see."}, {"type": "text", "text": "Here."}]},
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Let me see."}]}, "Here."]},
        {"parts": [{"text": "Let me see.", "thought": True}, {"text": "Here."}]},
        {"fragments": [{"type": "THINK", "content": "Let me see."}, {"type": "RESPONSE", "content": "Here."}]},
        {"text": "", "content": [{"type": "thinking", "thinking": "Let me see."}, {"type": "text", "text": "Here."}]},
    ],
)
def test_a_thought_inside_a_reply_is_its_reasoning(reply):
    assert read({"messages": [ASK, {"role": "assistant", **reply}]}).messages == THOUGHT_THEN_REPLY
    columns = Columns(turns="x.log", role="role", text="text", roles={"user": "user", "assistant": "assistant"})
    asked = {"role": "user", "text": "Where?"}
    given = reply if "text" in reply else {"text": "", **reply}
    assert read({"x": {"log": [asked, {"role": "assistant", **given}]}}, columns=columns).messages == THOUGHT_THEN_REPLY


@pytest.mark.parametrize("mark", [{"isThought": False}, {"thought": None}, {"type": "message"}, {"reasoning": "on"}])
def test_what_says_that_a_reply_is_no_thought_changes_nothing(mark):
    assert read({"messages": [ASK, {**REPLY, **mark}]}).messages == (ASKED, Message("assistant", "Here."))


def test_several_thoughts_and_a_thought_before_a_call_are_kept_in_their_order():
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    again = thought(isThought=True, content="And now.")
    found = read({"messages": [ASK, TURNS[0], again, call, {"role": "tool", "content": "5"}, TURNS[0], REPLY]})
    assert [m.reasoning for m in found.messages] == [None, "Let me see.\n\nAnd now.", None, "Let me see."]


@pytest.mark.parametrize("rest", [[], [{"role": "user", "content": "Well?"}]])
def test_a_thought_that_no_reply_follows_is_not_learnt_as_one(rest):
    assert read({"messages": [ASK, TURNS[0], *rest]}).code == "no_reply"
    found = read({"messages": [ASK, REPLY, {"role": "user", "content": "Well?"}, TURNS[0], *rest, ASK, REPLY]})
    assert [m.content for m in found.messages] == ["Where?", "Here."]


def test_a_thought_that_is_not_to_be_learnt_does_not_become_part_of_a_reply_that_is():
    found = read({"messages": [ASK, {**TURNS[0], "weight": 0}, REPLY]})
    assert found.messages == (ASKED, Message("assistant", "Here.")) and found.repairs == ("empty_turn_removed",)


COLUMNS = [
    "reasoning",
    "thinking",
    "Complex_CoT",
    "cot",
    "chain_of_thought",
    "reasoning_content",
    "rationale",
    "Thoughts",
]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("names", [("question", "answer"), ("Instruction", "Output"), ("prompt", "completion")])
def test_a_column_of_thoughts_is_the_reasoning_of_the_reply(tmp_path, column, names):
    record = {names[0]: "Where?", column: "Let me see.", names[1]: "Here."}
    assert read(record).messages == THOUGHT_THEN_REPLY
    assert read({**record, column: ["Let me", "see."]}).messages[1].reasoning == "Let me\nsee."
    (tmp_path / "f.json").write_text(json.dumps([record]))
    notes = Notes()
    list(convert(tmp_path / "f.json", notes=notes))
    assert not notes.ignored


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_of_thoughts_is_guessed_as_such_and_never_as_the_reply(column):
    record = {"the request": "Where is it to be found?", column: "Let me see. " * 50, "what was said": "Here."}
    found, _ = guess([record, {**record, column: None}])
    assert (found.prompt, found.reply, found.reasoning) == ("the request", "what was said", column)
    assert read(record, columns=found).messages[1] == Message("assistant", "Here.", reasoning="Let me see. " * 50)
    assert read({**record, column: None}, columns=found).messages[1] == Message("assistant", "Here.")
    del record[column]
    assert read(record, columns=found).messages[1] == Message("assistant", "Here.")


def test_a_column_can_be_named_as_the_reasoning():
    columns = Columns.parse(["prompt=q", "reply=a", "reasoning=x.why"])
    assert (
        read({"q": "Where?", "x": {"why": "Let me see."}, "a": "Here."}, columns=columns).messages == THOUGHT_THEN_REPLY
    )
    columns = Columns.parse(["turns=log", "reasoning=why"])
    turns = [ASK, {**REPLY, "why": "Let me see."}]
    assert read({"log": turns}, columns=columns).messages == THOUGHT_THEN_REPLY


@pytest.mark.parametrize("value", ["on", "off", "High", "", "  ", None, True, 0.5, {"steps": 3}, [], float("nan")])
def test_a_setting_or_a_score_is_no_thought_and_told_as_not_read(tmp_path, value):
    record = {"question": "Where?", "reasoning": value, "answer": "Here."}
    (tmp_path / "f.json").write_text(json.dumps([record]))
    notes = Notes()
    (found,) = convert(tmp_path / "f.json", notes=notes)
    assert found.messages == (ASKED, Message("assistant", "Here."))
    held = isinstance(value, (bool, dict)) or value in ("on", "off", "High", "  ", 0.5)
    assert dict(notes.ignored) == ({"reasoning": 1} if held else {})


def test_an_example_shows_the_reasoning(tmp_path):
    (tmp_path / "f.json").write_text(json.dumps([{"messages": [ASK, TURNS[0], REPLY]}]))
    notes = Notes()
    list(convert(tmp_path / "f.json", notes=notes))
    (example,) = notes.examples["thoughts_joined"]
    assert example.after == "user: Where?\nassistant thinks: Let me see.\nassistant: Here."


@pytest.mark.parametrize("thought", ["TRUE", "none", "high", " Off "])
def test_under_reasoning_content_any_word_is_a_thought(thought):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": thought}]
    found = convert_record({"messages": turns}, Origin("f", 1))
    assert found.messages[1].reasoning == thought


@pytest.mark.parametrize("names", [("prompt", "completion"), ("instruction", "output"), ("question", "answer")])
def test_the_index_that_pandas_writes_is_no_thought(tmp_path, names):
    path, notes = tmp_path / "f.csv", Notes()
    path.write_text(f",{','.join(names)}\n0,Hi,Hello\n1,Yo,Yo!\n")
    found = list(convert(path, notes=notes))
    assert [message.reasoning for each in found for message in each.messages] == [None] * 4
    assert notes.ignored == {"(no name)": 2}


def test_an_export_of_deepseek_gives_what_was_said_and_thought_in_its_fragments():
    def node(parent, *fragments, children=()):
        message = {"model": "x", "fragments": [{"type": kind, "content": text} for kind, text in fragments]}
        return {"parent": parent, "children": list(children), "message": message if fragments else None}

    mapping = {
        "root": node(None, children=["1"]),
        "1": node("root", ("REQUEST", "Q"), children=["2", "3"]),
        "2": node("1", ("RESPONSE", "first")),
        "3": node("1", ("THINK", "hm"), ("RESPONSE", "A")),
    }
    found = convert_record({"mapping": mapping}, Origin("f", 1))
    assert [(m.role, m.content, m.reasoning) for m in found.messages] == [("user", "Q", None), ("assistant", "A", "hm")]
    assert found.repairs == ("other_branches",)
