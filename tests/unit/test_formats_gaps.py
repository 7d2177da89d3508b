"""Two turns are never made one, nor learnt one behind the other, where a turn between them is missing."""

from __future__ import annotations

import json

import pytest

from formats.columns import Columns
from formats.conversation import Conversation, Message, Origin, ToolCall
from formats.convert import convert, convert_record
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading

HERE = Origin("f", 1)
CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]}
OTHER = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "ask", "arguments": "{}"}}]}
ASK, ONE, TWO, LAST = "Which?", "The first.", "The second.", "The last."
CHAT = [("user", ASK), ("assistant", ONE)]


def turns(*said) -> list[dict]:
    return [each if isinstance(each, dict) else {"role": each[0], "content": each[1]} for each in said]


def read(record: object, **reading) -> Conversation | RowProblem:
    return convert_record(record, HERE, Reading(**reading))


def said(found: Conversation | RowProblem) -> list[str]:
    assert isinstance(found, Conversation)
    return [f"{m.role}: {m.content}" for m in found.messages]


def file(tmp_path, record):
    path = tmp_path / "f.json"
    path.write_text(json.dumps([record]))
    return path


EMPTY = ["", "  \n", None, [], {}, [{"type": "text", "text": ""}], [{"type": "text", "text": None}]]


@pytest.mark.parametrize("empty", EMPTY)
@pytest.mark.parametrize("after", [[], [("user", "And?"), ("assistant", LAST)]])
def test_an_empty_question_between_two_replies_ends_the_chat_before_it(empty, after):
    record = {"messages": turns(*CHAT, ("user", empty), ("assistant", TWO), *after)}
    found = read(record)
    assert said(found) == [f"user: {ASK}", f"assistant: {ONE}"]
    assert {"empty_turn_removed", "cut_at_missing_turn"} <= set(found.repairs) and "turns_merged" not in found.repairs
    assert read(record, repairs={"cut_at_missing_turn": False}).code == "cut_at_missing_turn"


@pytest.mark.parametrize(
    "between",
    [
        [("user", "")],
        [("user", ""), ("user", "")],
        [("assistant", ""), ("user", "")],
        [("system", ""), ("user", " ")],
        [{"role": "user", "content": "", "name": "Ava"}],
        [{"role": "assistant", "content": "", "reasoning": "I wait."}, ("user", "")],
    ],
)
@pytest.mark.parametrize("flags", [({}, {}), ({"train": False}, {}), ({}, {"weight": 0})])
def test_whatever_is_empty_between_them_and_whether_they_are_learnt_or_not(between, flags):
    first, second = (
        {"role": "assistant", "content": text, **flag} for text, flag in zip((ONE, TWO), flags, strict=True)
    )
    found = read({"messages": turns(("user", ASK), first, *between, second)})
    assert said(found) == [f"user: {ASK}", f"assistant: {ONE}"]


def test_a_question_whose_answer_is_empty_is_not_joined_to_the_next_one():
    found = read({"messages": turns(*CHAT, ("user", "A?"), ("assistant", ""), ("user", "B?"), ("assistant", TWO))})
    assert said(found) == [f"user: {ASK}", f"assistant: {ONE}"]
    refused = read({"messages": turns(("user", "A?"), ("assistant", ""), ("user", "B?"), ("assistant", TWO))})
    assert refused.code == "no_reply" and "missing or empty" in refused.problem and refused.fix


def test_the_history_of_a_pair_is_cut_there_too():
    record = {"instruction": "B?", "output": TWO, "history": [[ASK, ONE], ["A?", ""]]}
    assert said(read(record)) == [f"user: {ASK}", f"assistant: {ONE}"]


@pytest.mark.parametrize("between", [[], [("assistant", "")], [("system", "")]])
def test_turns_of_one_speaker_are_joined_where_nobody_else_is_missing(between):
    found = read({"messages": turns(("user", ASK), ("assistant", ONE), *between, ("assistant", TWO))})
    assert said(found) == [f"user: {ASK}", f"assistant: {ONE}\n\n{TWO}"]
    assert "turns_merged" in found.repairs and "cut_at_missing_turn" not in found.repairs


def test_a_call_without_its_result_is_learnt_and_what_follows_is_not():
    found = read({"messages": turns(("user", ASK), CALL, ("assistant", ONE), ("user", "And?"), ("assistant", TWO))})
    assert [(m.role, m.content, len(m.tool_calls)) for m in found.messages] == [("user", ASK, 0), ("assistant", "", 1)]
    assert found.repairs == ("cut_at_missing_turn",)


def test_an_empty_result_is_a_result_and_calls_in_a_row_are_made_at_once():
    assert len(read({"messages": turns(("user", ASK), CALL, ("tool", ""), ("assistant", ONE))}).messages) == 4
    found = read({"messages": turns(("user", ASK), CALL, OTHER, ("tool", "r"), ("tool", "s"), ("assistant", ONE))})
    assert [call.name for call in found.messages[1].tool_calls] == ["look", "ask"]
    found = read({"messages": turns(("user", ASK), ("assistant", "I look."), CALL, ("tool", "r"), ("assistant", ONE))})
    assert (found.messages[1].content, len(found.messages[1].tool_calls)) == ("I look.", 1)


MARKUP = '<div class="markdown prose"><p>Copy12 chars / 3 words</p></div>'


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        (MARKUP, {}),
        ("{{name}}", {"fill": {"name": ""}}),
        ("&nbsp;", {"repairs": {"html_entities": True}}),
    ],
)
def test_a_turn_that_a_repair_of_texts_leaves_empty_is_missing_too(tmp_path, text, reading):
    path = file(tmp_path, {"messages": turns(*CHAT, ("user", text), ("assistant", TWO))})
    (found,) = convert(path, reading=Reading(**reading))
    assert said(found) == [f"user: {ASK}", f"assistant: {ONE}"] and "cut_at_missing_turn" in found.repairs
    (refused,) = convert(
        file(tmp_path, {"messages": turns(("user", text), ("assistant", TWO))}), reading=Reading(**reading)
    )
    assert refused.code == "no_prompt" and json.loads(refused.record)
    (refused,) = convert(
        file(tmp_path, {"messages": turns(("user", ASK), ("assistant", text))}), reading=Reading(**reading)
    )
    assert refused.code == "no_reply"


def test_an_example_shows_what_was_cut(tmp_path):
    notes = Notes()
    list(convert(file(tmp_path, {"messages": turns(*CHAT, ("user", ""), ("assistant", TWO))}), notes=notes))
    (example,) = notes.examples["cut_at_missing_turn"]
    assert TWO in example.before and TWO not in example.after and ONE in example.after


def tree(*nodes) -> dict:
    mapping = {
        str(n): {
            "parent": str(n - 1) if n else None,
            "message": {
                "author": {"role": role},
                "content": content,
                "metadata": {"is_visually_hidden_from_conversation": hidden},
            },
        }
        for n, (role, content, hidden) in enumerate(nodes)
    }
    return {"mapping": mapping, "current_node": str(len(nodes) - 1)}


def text(*parts: str) -> dict:
    return {"content_type": "text", "parts": list(parts)}


@pytest.mark.parametrize("between", [("user", text(""), False), ("user", text("Go on"), True)])
def test_a_question_of_an_export_that_nobody_sees_parts_the_replies(between):
    found = read(
        tree(("user", text(ASK), False), ("assistant", text(ONE), False), between, ("assistant", text(TWO), False))
    )
    assert said(found) == [f"user: {ASK}", f"assistant: {ONE}"]


def test_an_answer_of_an_export_that_failed_parts_the_questions():
    failed = ("assistant", {"content_type": "system_error", "text": "Network"}, False)
    asked = [("user", text(ASK), False), ("assistant", text(ONE), False), ("user", text("A?"), False)]
    for gap in (failed, ("assistant", text(""), False)):
        found = read(tree(*asked, gap, ("user", text("B?"), False), ("assistant", text(TWO), False)))
        assert said(found) == [f"user: {ASK}", f"assistant: {ONE}"]
        found = read(tree(*asked, gap, ("assistant", text(TWO), False)))
        assert said(found)[2:] == ["user: A?", f"assistant: {TWO}"] and found.repairs == ()


def test_what_an_export_s_tool_gave_parts_what_was_written_to_it():
    written = [("assistant", text(f"search {n}"), False) for n in (1, 2)]
    shown = ("tool", {"content_type": "tether_browsing_display", "result": "page"}, False)
    chat = tree(("user", text(ASK), False), written[0], shown, written[1], shown, ("assistant", text(ONE), False))
    for node in ("1", "3"):
        chat["mapping"][node]["message"]["recipient"] = "browser"
    assert [m.role for m in read(chat).messages] == ["user", "assistant", "tool", "assistant", "tool", "assistant"]


USE = {"type": "tool_use", "id": "t1", "name": "look", "input": {"x": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "5"}]}
SAY = [{"type": "text", "text": "I look."}]


@pytest.mark.parametrize(
    "between",
    [
        [("assistant", [*SAY, USE]), ("user", [RESULT]), ("assistant", [{"type": "text", "text": "Five."}])],
        [("assistant", [*SAY, USE, RESULT, {"type": "text", "text": "Five."}])],
        [("assistant", [*SAY, USE]), ("user", [{**RESULT, "content": "5"}]), ("assistant", "Five.")],
    ],
)
def test_calls_and_their_results_in_parts_are_turns_of_their_own_in_the_order_of_the_parts(tmp_path, between):
    notes = Notes()
    (found,) = convert(file(tmp_path, {"messages": turns(("user", ASK), *between)}), notes=notes)
    assert found.messages == (
        Message("user", ASK),
        Message("assistant", "I look.", None, (ToolCall("look", '{"x": 1}', "t1"),)),
        Message("tool", "5", tool_call_id="t1"),
        Message("assistant", "Five."),
    )
    assert found.repairs == () and not notes.ignored


def test_they_are_read_alike_with_columns_that_are_given():
    parts = [*SAY, USE, {**RESULT, "name": "look"}, {"type": "text", "text": "Five."}]
    log = [{"who": "Q", "txt": ASK, "content": None}, {"who": "R", "txt": "", "content": parts}]
    columns = Columns(turns="log", role="who", text="txt", roles={"Q": "user", "R": "assistant"})
    found = read({"log": log}, columns=columns).messages
    assert [(m.role, m.name) for m in found] == [
        ("user", None),
        ("assistant", None),
        ("tool", "look"),
        ("assistant", None),
    ]


def test_what_a_person_says_beside_a_result_is_said_behind_it():
    record = {"messages": turns(("user", ASK), ("assistant", [USE]), ("user", [RESULT, *SAY]), ("assistant", "Five."))}
    assert [(m.role, m.content) for m in read(record).messages][2:4] == [("tool", "5"), ("user", "I look.")]
