"""Nothing that a record holds is lost unsaid, and nothing in it is taken for something else."""

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
from formats.texts import without_debris

HERE = Origin("f", 1)
USER, REPLY = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
CHAT = [USER, REPLY]
KEEP = {"good_answers_kept": True}


def read(record: object, **reading) -> Conversation | RowProblem:
    return convert_record(record, HERE, Reading(**reading))


def said(record: object, **reading) -> list[str]:
    return [f"{m.role}: {m.content}" for m in read(record, **reading).messages]


def ignored(tmp_path, record, **reading) -> dict[str, int]:
    (tmp_path / "f.json").write_text(json.dumps([record]))
    notes = Notes()
    assert [type(each) for each in convert(tmp_path / "f.json", reading=Reading(**reading), notes=notes)] == [
        Conversation
    ]
    return dict(notes.ignored)


@pytest.mark.parametrize(
    "record",
    [
        {"conversations": None, "messages": CHAT},
        {"conversations": [], "messages": CHAT},
        {"messages": None, "prompt": "a", "completion": "b"},
        {"Messages": CHAT},
        {"data": "x", "prompt": "a", "completion": "b"},
        {"items": [{"name": "x"}], "prompt": "a", "completion": "b"},
        {"messages": 5, "question": "a", "answer": "b"},
        {"messages": CHAT, "mapping": {"a": "b"}},
        {"messages": [{"from": None, "role": "user", "value": None, "content": "a"}, REPLY]},
        {"prompt": "a", "completion": "b", "image": float("nan"), "video": False},
        {"prompt": [USER], "completion": "b"},
        {"prompt": "a", "completion": [REPLY]},
        {"prompt": json.dumps([USER]), "completion": json.dumps([REPLY])},
        {"messages": [{"role": "user", "content": [{"type": None, "text": "a", "image_url": None}]}, REPLY]},
    ],
)
def test_what_holds_nothing_or_something_else_does_not_hide_the_chat(record):
    assert said(record) == ["user: a", "assistant: b"]


IGNORED = [
    ({"messages": CHAT, "question": "q", "answer": "z", "id": ""}, {"question": 1, "answer": 1}),
    ({"conversations": CHAT, "messages": [USER, {**REPLY, "content": "c"}]}, {"messages": 1}),
    (
        {"messages": [USER, {**REPLY, "text": "c", "refusal": "no", "x": None}]},
        {"messages.refusal": 1, "messages.text": 1},
    ),
    ({"messages": [{**USER, "from": "human"}, REPLY]}, {"messages.role": 1}),
    ({"": 3, "\ud800": 4, "prompt": "a", "completion": "b"}, {"(no name)": 1, "\\ud800": 1}),
    ({"file": "f", "record": 1, "code": "x", "raw": {"messages": CHAT}}, {}),
]


@pytest.mark.parametrize(("record", "expected"), IGNORED)
def test_columns_and_keys_of_turns_that_were_not_read_are_told(tmp_path, record, expected):
    assert ignored(tmp_path, record) == expected


def test_with_columns_that_were_chosen_the_others_are_told(tmp_path):
    record = {"q": "a", "r": "b", "label": False, "x": {"y": "z"}}
    assert ignored(tmp_path, record, columns=Columns(prompt="q", reply="r", system="x.y")) == {"label": 1}


SEEN = [{"who": "Q", "txt": "a", "at": "12:00"}, {"who": "R", "txt": "b", "weight": 1, "score": 0, "x": []}]
PARTS = [{"role": "user", "content": [{"type": "text", "text": "a", "citations": ["c"], "x": None}]}, REPLY]
WHO = {"Q": "user", "R": "assistant"}
LEVELS = [
    ([{**USER, "at": "12:00"}, {**REPLY, "refusal": "no", "x": None}], None, {"at": 1, "refusal": 1}),
    (json.dumps({"messages": [{**USER, "at": "12:00"}, REPLY]}), None, {"messages.at": 1}),
    ({"messages": json.dumps([{**USER, "at": "12:00"}, REPLY]), "id": 7}, None, {"id": 1, "messages.at": 1}),
    ({"Messages": [{**USER, "at": "12:00"}, REPLY]}, None, {"messages.at": 1}),
    ({"prompt": [{**USER, "at": 1}], "completion": [{**REPLY, "x": 2}]}, None, {"prompt.at": 1, "completion.x": 1}),
    ({"messages": PARTS}, None, {"messages.content.citations": 1}),
    ({"messages": [{**USER, "text": "a"}, REPLY]}, None, {}),
    ({"messages": [{**USER, "author": {"name": "Ava", "id": 5}}, REPLY]}, None, {"messages.author.id": 1}),
    ({"messages": [USER, {**REPLY, "reasoning": "r", "thinking": "t"}]}, None, {"messages.thinking": 1}),
    (
        {"messages": [USER, {**REPLY, "tool_calls": [{"function": {"name": "f", "arguments": "{}", "x": 1}, "y": 2}]}]},
        None,
        {"messages.tool_calls.function.x": 1, "messages.tool_calls.y": 1},
    ),
    ({"log": SEEN, "id": 7}, Columns(turns="log", role="who", text="txt", roles=WHO), None),
    ({"a": {"log": SEEN, "id": 7}}, Columns(turns="a.log", role="who", text="txt", roles=WHO), None),
    ({"a": json.dumps({"log": SEEN, "id": 7})}, Columns(turns="a.log", role="who", text="txt", roles=WHO), None),
    ({"a": {"q": "a", "r": "b", "s": {"t": 1}}}, Columns(prompt="a.q", reply="a.r"), {"a.s": 1}),
    ({"q": "a", "why": "w", "r": "b"}, Columns(prompt="q", reply="r", reasoning="why"), {}),
]


@pytest.mark.parametrize(("record", "columns", "expected"), LEVELS)
def test_what_was_not_read_is_told_at_every_level_however_it_is_read(tmp_path, record, columns, expected):
    if expected is None:
        at = columns.turns
        expected = {f"{at}.at": 1, f"{at}.score": 1, at.replace("log", "id"): 1}
    assert ignored(tmp_path, record, columns=columns) == expected


@pytest.mark.parametrize("mark", [{"isThought": False}, {"thought": False}, {"speaker": "Ava"}, {"name": "Ava"}])
def test_what_was_read_as_a_name_or_a_mark_is_not_told_as_unread(tmp_path, mark):
    assert ignored(tmp_path, {"messages": [USER, {**REPLY, **mark}]}) == {}


@pytest.mark.parametrize("empty", ["", " ", None, [], {}, [{"type": "text", "text": ""}]])
@pytest.mark.parametrize("full", ["a", [{"type": "text", "text": "a"}], ["a"]])
@pytest.mark.parametrize("keys", [("text", "content"), ("content", "text"), ("value", "parts"), ("message", "content")])
def test_an_empty_text_does_not_hide_the_one_beside_it(empty, full, keys):
    turns = [{"role": "user", keys[0]: empty, keys[1]: full}, {"role": "assistant", keys[0]: "b"}]
    assert said({"messages": turns}) == ["user: a", "assistant: b"]
    mapped = Columns(turns="log", role="role", text=keys[0])
    assert said({"log": turns}, columns=mapped) == ["user: a", "assistant: b"]


@pytest.mark.parametrize(
    "record",
    [
        {"messages": CHAT, "system": "1", "system_prompt": "2"},
        {"messages": CHAT, "tools": [{"name": "f"}], "functions": [{"name": "g"}]},
        {"prompt": "a", "completion": "b", "tools": [{"name": "f"}], "functions": [{"name": "g"}]},
        {"Prompt": "a", "prompt": "c", "completion": "b"},
    ],
)
def test_a_second_column_for_the_same_thing_is_told(record):
    assert read(record).repairs == ("second_column_ignored",)
    assert read({**record, "system_prompt": "1", "functions": [], "Prompt": ""}).repairs == ()


def test_context_is_kept_wherever_the_prompt_stands():
    assert said({"input": "q", "context": "c", "output": "o"})[0] == "user: q\nc"
    assert said({"question": "i", "input": "q", "context": "c", "output": "o"})[0] == "user: i\nq\nc"


def test_several_texts_as_a_reply_are_no_one_text():
    assert (read({"instruction": "a", "output": ["b", "c"]}).code, said({"question": "a", "answer": ["b"]})[1]) == (
        "not_text",
        "assistant: b",
    )


@pytest.mark.parametrize(
    "labelled",
    [
        {"label": "False"},
        {"label": 0},
        {"kto_tag": 0},
        {"kto_tag": "false"},
        {"Label": False},
        {"Chosen": "x", "Rejected": "y"},
    ],
)
def test_answers_that_are_labelled_or_ranked_are_never_trained_on_unasked(labelled):
    record = {"prompt": "a", "completion": "b", **labelled}
    problem = read(record)
    assert problem.code in ("kto_data", "ranking_data") and json.loads(problem.record) == record
    assert "x" in labelled.values() or read(record, repairs=KEEP).code == "bad_answer"
    assert said({"question": "a", "answer": "b", "label": 1}) == ["user: a", "assistant: b"]  # a class of something


def test_a_chosen_answer_that_is_json_stays_as_it_is_written():
    for answer in ('{"a": 1}', '"Hi"', "[1]"):
        assert said({"prompt": "a", "chosen": answer, "rejected": "c"}, repairs=KEEP)[1] == f"assistant: {answer}"


def test_flags_may_be_words_and_may_stand_beside_the_turns():
    for off in ("0", "false", "False", 0, False, 0.0):
        assert read({"messages": [USER, {**REPLY, "weight": off}, USER, REPLY]}).messages[1].train is False
        assert read({"messages": CHAT, "train": off}).messages[1].train is False
        assert read({"prompt": "a", "completion": "b", "train": off}).messages[1].train is False
    assert read({"messages": [USER, {**REPLY, "train": "True"}]}).messages[1].train is True
    assert read({"messages": CHAT, "weight": 0.5}).code == "bad_weight"


def test_the_prompt_of_trl_s_prompt_and_completion_is_context():
    found = read({"prompt": [USER, REPLY, USER], "completion": "c"})
    assert [(m.content, m.train) for m in found.messages if m.role == "assistant"] == [("b", False), ("c", True)]
    assert read({"prompt": [USER, REPLY, USER], "completion": ""}).code == "no_reply"


def test_a_chat_that_begins_with_several_turns_of_the_assistant_trains_none_of_them():
    found = read({"messages": [{**REPLY, "train": False}, REPLY, USER, REPLY]})
    assert [m.train for m in found.messages if m.role == "assistant"] == [False, False, True]
    assert read({"messages": [{**REPLY, "train": False}, REPLY]}).code == "no_prompt"


@pytest.mark.parametrize(
    "call",
    [
        {"name": "f", "input": {"x": 1}},
        {"name": "f", "args": {"x": 1}},
        {"function": {"name": "f"}, "arguments": {"x": 1}},
        {"function": {"name": "f", "arguments": '{"x": 1}'}},
    ],
)
def test_the_arguments_of_a_call_are_found_where_providers_put_them(call):
    (made,) = read({"messages": [USER, {**REPLY, "tool_calls": [call]}]}).messages[1].tool_calls
    assert json.loads(made.arguments) == {"x": 1}
    assert (
        read({"messages": [USER, {**REPLY, "tool_calls": [{"name": "f", "what": {"x": 1}}]}]}).code == "bad_tool_call"
    )


def test_calls_and_thoughts_that_are_given_in_two_places_are_all_kept():
    f, g = {"name": "f", "arguments": "{}"}, {"name": "g", "arguments": "{}"}
    parts = [{"type": "thinking", "thinking": "in"}, {"type": "tool_call", "value": g}, {"type": "text", "text": "b"}]
    turn = {**REPLY, "tool_calls": [{"function": f}], "function_call": f, "content": parts, "reasoning": "top"}
    found = read({"messages": [USER, turn]}).messages[1]
    assert ([call.name for call in found.tool_calls], found.reasoning) == (["f", "g"], "top\nin")
    called = {"from": "function_call", "value": json.dumps(f), "reasoning": "why"}
    assert read({"conversations": [USER, called]}).messages[1].reasoning == "why"


def test_a_picture_in_a_part_without_a_type_is_seen():
    for part in ({"text": "a", "image_url": {"url": "x"}}, {"inline_data": {"data": "x"}}):
        assert read({"messages": [{"role": "user", "content": [part]}, REPLY]}).code == "media"


def test_a_record_that_is_json_text_is_told_to_be():
    text = json.dumps({"messages": CHAT})
    assert read(text).repairs == ("double_encoded",)
    assert read(text, repairs={"double_encoded": False}).code == "double_encoded"


def tree(*nodes) -> dict:
    links = [{"parent": str(n - 1) if n else None, "children": []} for n in range(len(nodes))]
    mapping = {
        str(n): {**link, "message": {"author": {"role": role}, "content": content}}
        for n, (link, (role, content)) in enumerate(zip(links, nodes, strict=True))
    }
    return {"mapping": mapping, "current_node": str(len(nodes) - 1)}


ASKED, ANSWER = ("user", {"parts": ["a"]}), ("assistant", {"parts": ["b"]})


def test_what_chatgpt_thought_is_reasoning_and_what_the_site_says_of_it_is_not_said():
    thoughts = {"content_type": "thoughts", "thoughts": [{"summary": "S", "content": "hm"}, {"summary": "T"}]}
    recap = {"content_type": "reasoning_recap", "content": "Thought for 12 seconds"}
    found = read(tree(ASKED, ("assistant", thoughts), ("assistant", recap), ANSWER))
    assert found.messages == (Message("user", "a"), Message("assistant", "b", reasoning="hm\n\nT"))


def test_what_an_export_holds_beside_text_is_refused_or_read():
    assert read(tree(ASKED, ("tool", {"content_type": "computer_output", "x": 1}), ANSWER)).code == "not_text_part"
    assert said(tree(("user", "a"), ANSWER)) == ["user: a", "assistant: b"]
    cut = tree(ASKED, ANSWER)
    cut["mapping"]["1"]["parent"] = 0
    assert read(cut).code == "bad_tree"


def test_a_button_s_label_is_taken_out_and_what_stands_before_it_stays(tmp_path):
    assert without_debris("python\nCopy code\nprint(1)") == "python\nprint(1)"
    (tmp_path / "f.json").write_text(json.dumps({"prompt": "a", "completion": "python\nCopy code\nprint(1)\n"}))
    (found,) = convert(tmp_path / "f.json")
    assert (found.messages[1].content, found.repairs) == ("python\nprint(1)\n", ("html_debris",))


def test_columns_are_guessed_in_other_languages_and_from_whatever_records_hold():
    found, _ = guess([{"x": "lang " * 9, "meine frage": "a", "die antwort": "b"}])
    assert (found.prompt, found.reply) == ("meine frage", "die antwort")
    for odd in ("[" * 100_000, '[{"role": "a", "role": "b"}]'):
        assert guess([{"a": odd}])[0] is None
