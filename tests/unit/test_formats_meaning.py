"""Records of the less usual kinds: what they mean, what is mended in them, and what is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from field_files import DATA, needs_field_files

from formats.columns import Columns
from formats.conversation import Conversation, Message, Origin
from formats.convert import convert, convert_record, describe, look
from formats.guess import guess
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading
from formats.texts import without_debris

HERE = Origin("f", 1)
ASKED = [Message("user", "a"), Message("assistant", "b")]


def read(record: object, **reading) -> Conversation | RowProblem:
    return convert_record(record, HERE, Reading(**reading))


def said(record: object, **reading) -> list[str]:
    return [f"{m.role}: {m.content}" for m in read(record, **reading).messages]


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "a", "completion": "b"},
        {"question": "a", "answer": "b"},
        {"Question": "a", "Answer": "b"},
        {"query": "a", "response": "b"},
        {"input": "a", "output": "b"},
        {"user": "a", "assistant": "b"},
        {"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]},
        {"dialog": [{"speaker": "prompter", "text": "a"}, {"speaker": "bot", "text": "b"}]},
        {"data": [{"role": "question", "message": "a"}, {"role": "claude", "markdown": "b"}]},
        [{"from": "human", "value": "a"}, {"from": "bing", "value": "b"}],
        {"conversations": json.dumps([{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}])},
        json.dumps({"instruction": "a", "output": "b"}),
        {"messages": [{"role": "user", "content": {"type": "text", "text": "a"}}, {"role": "ai", "content": "b"}]},
    ],
)
def test_pairs_and_turns_are_known_in_all_their_spellings(record):
    assert said(record) == ["user: a", "assistant: b"]


def test_two_columns_that_could_be_the_prompt_are_told():
    found = read({"instruction": "a", "question": "c", "output": "b"})
    assert list(found.messages) == ASKED and found.repairs == ("second_column_ignored",)
    assert read({"instruction": "a", "question": "a", "output": "b", "response": ""}).repairs == ()
    off = read({"instruction": "a", "question": "c", "output": "b"}, repairs={"second_column_ignored": False})
    assert off.code == "second_column_ignored" and "switch" in off.fix.lower()


RANKED = [
    {"prompt": "a", "chosen": "b", "rejected": "c"},
    {"instruction": "a", "input": "", "chosen": "b", "rejected": "c"},
    {"conversations": [{"from": "human", "value": "a"}], "chosen": {"from": "gpt", "value": "b"}, "rejected": {"x": 1}},
    {
        "prompt": [{"role": "user", "content": "a"}],
        "chosen": [{"role": "assistant", "content": "b"}],
        "rejected": ["c"],
    },
    {"prompt": "a", "chosen": [{"role": "assistant", "content": "b"}], "rejected": ["c"]},
    {
        "chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}],
    },
]


@pytest.mark.parametrize("record", RANKED)
def test_ranking_data_is_refused_by_name_and_on_request_its_good_answers_are_kept(record):
    assert read(record).code == "ranking_data"
    found = read(record, repairs={"good_answers_kept": True})
    assert list(found.messages) == ASKED and "good_answers_kept" in found.repairs


@pytest.mark.parametrize("key", ["label", "kto_tag"])
def test_kto_data_is_refused_by_name_and_on_request_only_its_good_answers_are_kept(key):
    good, bad = ({"prompt": "a", "completion": "b", key: value} for value in (True, False))
    assert (read(good).code, read(bad).code) == ("kto_data", "kto_data")
    keep = {"good_answers_kept": True}
    assert list(read(good, repairs=keep).messages) == ASKED
    assert read(bad, repairs=keep).code == "bad_answer"


def test_other_weights_are_refused_or_taken_as_one_and_those_of_other_roles_do_not_matter():
    def chat(weight, role="assistant"):
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
        turns[role == "assistant"]["weight"] = weight
        return {"messages": turns}

    assert read(chat(0.5)).code == "bad_weight" and read(chat(0.5)).turn == 2
    assert read(chat(0.5), repairs={"weight_as_one": True}).repairs == ("weight_as_one",)
    assert read(chat("x"), repairs={"weight_as_one": True}).code == "bad_weight"
    assert read(chat(0.5, "user")).repairs == () and read(chat(0)).messages[1].train is False


def node(id, parent, role, *parts, children=(), **more):
    content = {"content_type": "text", "parts": list(parts)}
    message = {"author": {"role": role}, "content": content, **more} if role else None
    return {id: {"id": id, "message": message, "parent": parent, "children": list(children)}}


TREE = {
    **node("root", None, None, children=["s"]),
    **node("s", "root", "system", "", children=["u"]),
    **node("u", "s", "user", "a", children=["old", "new"]),
    **node("old", "u", "assistant", "first try"),
    **node("new", "u", "assistant", "b", children=["t"]),
    **node("t", "new", "user", "thanks", children=["end"]),
    **node("end", "t", "assistant", "welcome"),
}


def test_the_export_of_chatgpt_is_read_along_its_current_branch():
    assert said({"title": "x", "mapping": TREE, "current_node": "old"}) == ["user: a", "assistant: first try"]
    whole = ["user: a", "assistant: b", "user: thanks", "assistant: welcome"]
    assert said({"mapping": TREE, "current_node": "end"}) == whole == said({"mapping": TREE})


def test_an_export_with_a_picture_a_circle_or_a_gap_is_a_named_problem():
    picture = {**TREE, **node("end", "t", "assistant", {"content_type": "image_asset_pointer"})}
    assert read({"mapping": picture, "current_node": "end"}).code == "media"
    circle = {**TREE, **node("s", "end", "system", "")}
    assert read({"mapping": circle, "current_node": "end"}).code == "bad_tree"
    gap = {key: value for key, value in TREE.items() if key != "u"}
    assert read({"mapping": gap, "current_node": "end"}).code == "bad_tree"
    assert read({"mapping": {}}).code == "no_reply"


def test_reasoning_and_calls_in_parts_are_kept():
    parts = [
        {"type": "reasoning", "value": "hm"},
        {"type": "text", "value": "Let me look."},
        {"type": "tool_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
    ]
    found = read({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": parts}]})
    (_, reply) = found.messages
    assert (reply.content, reply.reasoning, reply.tool_calls[0].name) == ("Let me look.", "hm", "f")


def turns(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


@pytest.mark.parametrize(
    ("code", "record"),
    [
        ("turns_merged", {"messages": turns(("user", "a"), ("user", "b"), ("assistant", "c"))}),
        ("role_normalised", {"messages": turns(("prompter", "a"), ("assistant", "b"))}),
        ("trailing_turns_cut", {"messages": turns(("user", "a"), ("assistant", "b"), ("user", "c"))}),
        ("leading_assistant_kept", {"messages": turns(("assistant", "a"), ("user", "b"), ("gpt", "c"))}),
        ("empty_turn_removed", {"messages": turns(("user", "a"), ("user", ""), ("gpt", "b"))}),
        ("number_as_text", {"instruction": "a", "output": 3}),
        ("double_encoded", {"messages": json.dumps(turns(("user", "a"), ("gpt", "b")))}),
    ],
)
def test_each_repair_of_a_record_can_be_switched_off_and_then_the_record_is_refused_by_its_name(code, record):
    assert code in read(record).repairs
    assert read(record, repairs={code: False}).code == code


def file(tmp_path: Path, *records: object) -> Path:
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    return path


def test_placeholders_are_counted_filled_or_kept(tmp_path):
    path = file(
        tmp_path, {"instruction": "Who?", "output": "I am {{name}} by {{ author }}."}, {"prompt": "a", "answer": "b"}
    )
    notes = Notes()
    first, _ = convert(path, notes=notes)
    assert "{{name}}" in first.messages[1].content
    assert (dict(notes.placeholders), notes.with_placeholders) == ({"name": 1, "author": 1}, 1)
    notes = Notes()
    first, _ = convert(path, reading=Reading(fill={"name": "Wick", "author": "Ann"}), notes=notes)
    assert first.messages[1].content == "I am Wick by Ann." and first.repairs == ("placeholders_filled",)
    assert not notes.placeholders and notes.examples["placeholders_filled"][0].before.startswith("I am {{name}}")


HTML = (
    '<div class="markdown prose w-full"><p>Use <strong>print</strong> &amp; run:</p>'
    '<pre><div class="bg-black"><div>python<button class="flex">Copy code</button></div><div>'
    '<code class="!whitespace-pre hljs language-python">if a &lt; b:\n    print(a)\n</code></div></div></pre></div>'
)


def test_what_sharegpt_saved_of_the_page_becomes_markdown_and_other_html_stays():
    clean = without_debris(HTML)
    assert clean == "Use **print** & run:\n\n```python\nif a < b:\n    print(a)\n```"
    assert without_debris("```python\nCopy code\nprint(1)\n```") == "```python\nprint(1)\n```"
    for text in ('Write <div class="box">x</div> for a box.', "a < b and c > d", "Click Copy code to copy."):
        assert without_debris(text) == text


def test_html_entities_are_counted_and_decoded_on_request(tmp_path):
    path = file(tmp_path, {"instruction": "a", "output": "x &lt; y &amp;&amp; z"})
    notes = Notes()
    (found,) = convert(path, notes=notes)
    assert found.messages[1].content == "x &lt; y &amp;&amp; z" and notes.found == {"html_entities": 1}
    (found,) = convert(path, reading=Reading(repairs={"html_entities": True}))
    assert found.messages[1].content == "x < y && z" and found.repairs == ("html_entities",)


def test_columns_that_a_conversation_has_no_place_for_are_counted(tmp_path):
    notes = Notes()
    list(
        convert(
            file(
                tmp_path,
                {"instruction": "a", "output": "b", "id": 1, "topic": ""},
                {"prompt": "a", "answer": "b", "id": 2},
            ),
            notes=notes,
        )
    )
    assert notes.ignored == {"id": 2}


def test_a_rejected_record_that_was_mended_is_read_again_as_the_record_it_was(tmp_path):
    line = {
        "file": "chats.json",
        "record": 7,
        "turn": None,
        "field": None,
        "code": "no_reply",
        "problem": "",
        "fix": "",
    }
    mended = {"instruction": "a", "output": "b"}
    path = file(tmp_path, {**line, "raw": mended}, {**line, "raw": json.dumps(mended)}, {**line, "raw": "{oops"})
    one, other, broken = convert(path)
    assert one == other == Conversation(tuple(ASKED), Origin("chats.json", 7))
    assert (broken.origin, broken.code) == (Origin("chats.json", 7), "bad_json")


@pytest.mark.parametrize(
    ("records", "columns", "expected"),
    [
        ([{"Frage": "a", "Antwort des Bots": "b" * 30}], ["prompt=Frage", "reply=Antwort des Bots"], ["user: a"]),
        ([{"x": {"ask": "a"}, "y": "b"}], ["prompt=x.ask", "reply=y"], ["user: a", "assistant: b"]),
        ([{"log": [{"who": "Kunde", "txt": "a"}, {"who": "Bot", "txt": "b"}]}], None, ["user: a", "assistant: b"]),
        ([{"chat_log": [{"role": "Q", "words": "a"}, {"role": "R", "words": "b"}]}], None, ["user: a", "assistant: b"]),
        ([{"my question": "a", "the answer": "b", "sys": "c"}], None, ["user: a", "assistant: b"]),
    ],
)
def test_other_records_are_read_by_columns_that_are_guessed_or_given(records, columns, expected):
    found, why = (Columns.parse(columns), "given") if columns else guess(records)
    assert why
    assert said(records[0], columns=found)[: len(expected)] == expected
    assert Columns.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_what_is_no_chat_is_not_guessed_to_be_one():
    for records in ([], [3, 4], [{"a": 1, "b": 2}], [{"text": "Once upon a time"}]):
        columns, why = guess(records)
        assert columns is None and why


def test_columns_and_repairs_that_there_are_not_are_refused():
    for words in ([], ["prompt"], ["prompt=a"], ["wizard=a", "prompt=a", "reply=b"], ["turns=a", "role.x=wizard"]):
        with pytest.raises(ValueError, match=r"prompt|column|role"):
            Columns.parse(words)
    with pytest.raises(ValueError, match="no repair"):
        Reading(repairs={"everything": True})
    problem = read({"a": "x"}, columns=Columns(prompt="q", reply="a"))
    assert (problem.code, problem.field) == ("no_column", "q")


def test_how_files_were_read_survives_json():
    reading = Reading("alpaca", Columns(prompt="q", reply="a", roles={}), {"html_entities": True}, {"name": "Wick"})
    assert Reading.from_json(json.loads(json.dumps(reading.as_json()))) == reading


@needs_field_files
def test_the_field_s_own_files_are_understood():
    notes = Notes()
    assert len(list(convert(DATA / "identity.json", notes=notes))) == 91
    assert (notes.placeholders["name"], notes.placeholders["author"], notes.with_placeholders) == (77, 60, 85)
    chats = list(convert(DATA / "v1_sft_demo.jsonl"))
    assert len(chats) == 500 and all(chat.messages[-1].train for chat in chats)
    raw = [json.loads(line) for line in (DATA / "v1_sft_demo.jsonl").read_text().splitlines()]
    for record, chat in zip(raw, chats, strict=True):
        weights = [turn["loss_weight"] for turn in record["messages"] if turn["role"] == "assistant"]
        assert [m.train for m in chat.messages if m.role == "assistant"] == [weight > 0 for weight in weights]
    assert describe(DATA / "identity.json").format == "alpaca" and len(look(DATA / "identity.json")) == 91
