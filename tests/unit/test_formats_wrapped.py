"""What wraps rows gives all of them: no list is left out, and what is shared reaches each row or is said not to."""

from __future__ import annotations

import json

import pytest

from formats.conversation import Conversation
from formats.convert import convert

TURNS = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
GOOD = {"conversations": TURNS}
PAIR = {"prompt": "a", "completion": "b"}
HI, AB = ["Hi", "Hello"], ["a", "b"]


def read(tmp_path, given):
    path = tmp_path / "upload.json"
    path.write_text(given if isinstance(given, str) else json.dumps(given))
    return [
        [message.content for message in each.messages] if isinstance(each, Conversation) else each.code
        for each in convert(path)
    ]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr("formats.json_text.BLOCK", 200)


MANY = json.dumps([PAIR] * 20)
LARGE = [
    ("another list of rows behind the first", f'{{"train": {MANY}, "test": [{json.dumps(GOOD)}, 3]}}', [HI, "x"]),
    ("the same list once more", f'{{"data": {MANY}, "data": [{json.dumps(GOOD)}]}}', [HI]),
    ("facts about the rows", f'{{"data": {MANY}, "version": 3, "tags": ["x"], "tools": []}}', []),
    ("a system message", f'{{"data": {MANY}, "system": "S"}}', ["too_late"]),
    ("tools", f'{{"data": {MANY}, "tools": [{{"name": "f"}}]}}', ["too_late"]),
    ("words", f'{{"data": {MANY}, oops}}', ["not_read"]),
    ("a name without a value", f'{{"data": {MANY}, "x"}}', ["not_read"]),
    ("words, and a record in the next line", f'{{"data": {MANY}, oops}}\n{json.dumps(GOOD)}', ["bad_json", HI]),
    ("half a list", f'{{"data": {MANY}, "x": [1, 2', ["truncated"]),
    ("absurd nesting", f'{{"data": {MANY}, "x": {"[" * 100_000}', ["not_read"]),
    ("nothing, not even its end", f'{{"data": {MANY}', ["truncated"]),
]


@pytest.mark.parametrize(("name", "given", "expected"), LARGE, ids=[row[0] for row in LARGE])
def test_what_stands_behind_the_rows_of_a_large_object_is_read_or_told(tmp_path, small_blocks, name, given, expected):
    expected = ["unknown_format" if each == "x" else each for each in expected]
    assert read(tmp_path, given) == [AB] * 20 + expected


def test_a_long_file_whose_first_record_begins_with_a_list_is_no_wrapper_of_rows(tmp_path, small_blocks):
    turns = [{"weight": 1, "from": "human", "value": "a"}, {"weight": 1, "from": "gpt", "value": "b"}]
    long = [{**turns[0], "value": "a" * 300}, turns[1]]
    for record, expected in (
        ({"conversations": turns}, AB),
        ({"conversations": long}, ["a" * 300, "b"]),
        ({"items": [{"name": "x"}], "prompt": "a", "completion": "b"}, AB),
    ):
        assert read(tmp_path, "\n".join([json.dumps(record)] * 5)) == [expected] * 5


SMALL = [
    ("an empty part", {"train": [GOOD], "validation": []}, [HI]),
    ("a list that holds no rows", {"data": [GOOD], "tags": ["x"]}, [HI]),
    ("lists of turns", {"data": [TURNS, TURNS]}, [HI, HI]),
    ("lists of turns with a system message", {"system": "S", "data": [TURNS]}, [["S", *HI]]),
    ("a row with an empty system message", {"system": "S", "data": [{**GOOD, "system": None}]}, [["S", *HI]]),
    ("a row with its own", {"system": "S", "data": [{**GOOD, "system_prompt": "T"}]}, [["T", *HI]]),
    ("rows by number, one of them broken", {"0": GOOD, "1": {"x": 1}, "2": None, "3": PAIR, "4": PAIR}, None),
]


@pytest.mark.parametrize(("name", "given", "expected"), SMALL, ids=[row[0] for row in SMALL])
def test_rows_in_a_wrapper_are_found_beside_what_holds_none(tmp_path, name, given, expected):
    assert read(tmp_path, given) == (expected or [HI, "unknown_format", "unknown_format", AB, AB])


def test_tools_beside_rows_are_of_each_row(tmp_path):
    (tmp_path / "upload.json").write_text(json.dumps({"tools": [{"name": "f"}], "data": [GOOD, PAIR]}))
    assert [chat.tools for chat in convert(tmp_path / "upload.json")] == [('{"name": "f"}',)] * 2


def test_a_key_given_twice_is_seen_in_a_row_that_shares_a_system_message_and_in_a_cell(tmp_path):
    twice = '{"instruction": "a", "output": "b", "output": "c"}'
    assert read(tmp_path, f'{{"system": "S", "data": [{twice}]}}') == ["duplicate_key"]
    cell = '[{"from": "human", "value": "a", "value": "z"}, {"from": "gpt", "value": "b"}]'
    assert read(tmp_path, json.dumps({"conversations": cell})) == ["duplicate_key"]


def test_a_record_that_gives_a_key_twice_is_kept_as_it_is_and_is_refused_again_until_it_is_mended(tmp_path):
    path = tmp_path / "upload.json"
    twice = '{"instruction": "a", "output": "b", "output": "c"}'
    path.write_text(twice)
    (problem,) = convert(path)
    assert problem.record == twice
    line = {"file": "f", "record": 7, "code": problem.code, "raw": problem.record}
    assert read(tmp_path, line) == ["duplicate_key"]


def test_rows_that_name_an_author_are_no_turns_of_one_chat(tmp_path):
    assert read(tmp_path, [{**PAIR, "text": "t", "author": "Ann"}] * 2) == [AB, AB]


def test_half_a_character_in_the_name_of_a_part_can_be_written(tmp_path):
    (tmp_path / "upload.json").write_text('{"\\ud800": [{"prompt": "a", "completion": "b"}], "x": [{"q": "a"}]}')
    found = list(convert(tmp_path / "upload.json"))
    assert found and all(each.origin.file.encode() for each in found)
    assert len({each.origin.file for each in found}) == len(found)  # each names its part
