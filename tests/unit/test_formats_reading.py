"""Reading goes on where it can, and where it cannot it says so: a broken record never takes others with it unsaid."""

import json

import pytest

from formats.conversation import Conversation
from formats.convert import convert

TURNS = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
GOOD = {"conversations": TURNS}
LINE = json.dumps(GOOD)
DIGITS = "9" * 5000  # more than int() takes


def read(tmp_path, given):
    """What `convert` gives for a file of that text: the record's number if it was kept, else (number, code)."""
    path = tmp_path / "upload.json"
    path.write_bytes(given if isinstance(given, bytes) else given.encode())
    found = list(convert(path))
    return found, [
        each.origin.record if isinstance(each, Conversation) else (each.origin.record, each.code) for each in found
    ]


PRETTY = json.dumps([GOOD, GOOD, GOOD], indent=2)
BROKEN_PRETTY = PRETTY.replace('"value": "Hi"', '"value": Hi', 2).replace('"value": Hi', '"value": "Hi"', 1)
LATIN = b'{"instruction": "caf\xe9", "output": "x"}'
DEEP = "[" * 100_000

READS = [
    ("a broken line of a list costs that line", f"[\n{LINE},\n{LINE[:-3]},\n{LINE}\n]", [1, (2, "bad_json"), 3]),
    ("a broken element of an indented list costs that element", BROKEN_PRETTY, [1, (2, "bad_json"), 3]),
    ("a broken element of a one-line list", f"[{LINE}, oops, {LINE}, {LINE}]", [1, (2, "not_read")]),
    ("absurd nesting in a one-line list", f"[{LINE}, {DEEP}, {LINE}]", [1, (2, "not_read")]),
    ("absurd nesting on a line of a list", f"[\n{LINE},\n{DEEP},\n{LINE}\n]", [1, (2, "too_deep"), 3]),
    ("a list cut in a record", f"[{LINE}, {LINE[:30]}", [1, (2, "truncated")]),
    ("a list cut between records", f"[{LINE}, {LINE},", [1, 2, (0, "truncated")]),
    ("a line cut off at the end", f"{LINE}\n{LINE[:20]}", [1, (2, "truncated")]),
    ("text after a list", f"[{LINE}]\n{LINE}", [1, 2]),
    ("two lists one after another", f"[{LINE}]\n[{LINE}, {LINE}]", [1, 2, 3]),
    ("a list on each line", "\n".join([json.dumps(TURNS)] * 2), [1, 2]),
    ("an empty list on a line", f"{LINE}\n[]\n{LINE}", [1, (2, "unknown_format"), 3]),
    (
        "an empty list on the first line and the last",
        f"[]\n{LINE}\n[ ]",
        [(1, "unknown_format"), 2, (3, "unknown_format")],
    ),
    ("an empty list among records", f"[{LINE}, [], {LINE}]", [1, (2, "unknown_format"), 3]),
    ("empty lists alone", "[]\n[]\n", [(1, "unknown_format"), (2, "unknown_format")]),
    ("an empty list alone", "[ ]", [(0, "no_records")]),
    ("a missing comma", f"[{LINE} {LINE}]", [1, 2]),
    ("objects without a space between", LINE * 3, [1, 2, 3]),
    ("objects with commas between", f"{LINE},\n{LINE},\n{LINE}\n", [1, 2, 3]),
    ("indented objects one after another", "\n".join([json.dumps(GOOD, indent=2)] * 3), [1, 2, 3]),
    ("two objects on a later line", f"{LINE}\n{LINE}{LINE}\n{LINE}", [1, 2, 3, 4]),
    ("two objects on the first line", f"{LINE}{LINE}\n{LINE}", [1, 2, 3]),
    ("an indented line", f"{LINE}\n   {LINE}\n{LINE}", [1, 2, 3]),
    ("a byte order mark between joined files", f"{LINE}\n\ufeff{LINE}", [1, 2]),
    ("words after an object", f"{LINE}\n{LINE} oops\n{LINE}", [1, 2, (3, "bad_json"), 4]),
    ("rows under data, then a blank line", json.dumps({"data": [GOOD, GOOD]}) + "\n\n", [1, 2]),
    ("rows under data, then lines", json.dumps({"data": [GOOD, GOOD]}) + f"\n{LINE}\n{LINE}", [1, 2, 3, 4]),
    ("rows under data, then rows under data", "\n".join([json.dumps({"data": [GOOD, GOOD]})] * 2), [1, 2, 3, 4]),
    ("rows under data beside facts about them", json.dumps({"a": 1, "b": 2, "c": 3, "data": [GOOD]}), [1]),
    ("rows under data, the first of them null", json.dumps({"data": [None, GOOD]}), [(1, "unknown_format"), 2]),
    ("rows under two keys", json.dumps({"train": [GOOD], "test": [GOOD]}), [1, 1]),
    ("turns under items, one record", json.dumps({"items": TURNS}), [1]),
    ("turns under items, many lines", "\n".join([json.dumps({"items": TURNS})] * 3), [1, 2, 3]),
    ("Alpaca with examples", json.dumps({"instruction": "a", "output": "b", "examples": [{"c": 1}]}), [1]),
    ("a huge whole number in a list", f'[{LINE}, {LINE[:-1]}, "id": {DIGITS}}}, {LINE}]', [1, 2, 3]),
    ("a huge whole number in a line", f'{LINE}\n{LINE[:-1]}, "id": {DIGITS}}}\n{LINE}', [1, 2, 3]),
    (
        "a byte that is not UTF-8 in a line",
        LINE.encode() + b"\n" + LATIN + b"\n" + LINE.encode(),
        [1, (2, "encoding"), 3],
    ),
    (
        "a byte that is not UTF-8 in a list",
        b"[" + LINE.encode() + b"," + LATIN + b"," + LATIN + b"]",
        [1, (2, "encoding"), (3, "encoding")],
    ),
    ("a key given twice", f'{LINE}\n{{"instruction": "a", "output": "b", "output": "c"}}', [1, (2, "duplicate_key")]),
    ("a key given twice with one value", '{"instruction": "a", "output": "b", "output": "b"}', [1]),
]


@pytest.mark.parametrize(("name", "given", "expected"), READS, ids=[row[0] for row in READS])
def test_what_a_file_holds_is_read_or_said_not_to_be(tmp_path, name, given, expected):
    _, seen = read(tmp_path, given)
    assert seen == expected


@pytest.mark.parametrize("given", [f"[{LINE}, oops, {LINE}]", f"[{LINE}, {DEEP}, {LINE}]"])
def test_where_reading_stops_the_problem_says_so(tmp_path, given):
    (_, problem), _ = read(tmp_path, given)
    assert "reading stopped at record 2" in problem.problem
    assert "was not read" in problem.problem


def test_a_text_of_megabytes_in_a_list_is_read_and_so_is_what_follows(tmp_path):
    long = {"instruction": "x" * 3_000_000, "output": "b"}
    found, seen = read(tmp_path, json.dumps([GOOD, long, GOOD]))
    assert seen == [1, 2, 3]
    assert len(found[1].messages[0].content) == 3_000_000


def test_records_are_read_alike_wherever_the_blocks_of_the_file_end(tmp_path, monkeypatch):
    record = {"messages": [{"role": "user", "content": 'a\\"\u00e9\U0001f600 \n'}, {"role": "assistant", "weight": 1}]}
    record["messages"][1]["content"] = "b"
    given = json.dumps([record] * 3) + "\n" + json.dumps(record, ensure_ascii=False) + "\n{oops\n" + json.dumps(record)
    whole, _ = read(tmp_path, given)
    assert len(whole) == 6
    for size in range(1, 40):
        monkeypatch.setattr("formats.json_text.BLOCK", size)
        assert read(tmp_path, given)[0] == whole


def test_utf_16_that_breaks_off_says_what_was_not_read(tmp_path):
    found, seen = read(tmp_path, f"{LINE}\n{LINE}".encode("utf-16-le") + b"\x00\xd8\x20\x00")
    assert seen[-1] == (0, "encoding")
    assert "after record" in found[-1].problem
