"""Finding conversations, what differs between versions, and combining datasets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from formats.conversation import Message
from ft.dataset import build, edit, parquet
from ft.dataset.browse import Filter, files, find
from ft.dataset.change import Change
from ft.dataset.combine import Part, combine
from ft.dataset.difference import compare
from ft.dataset.versions import Version
from ft.errors import UserError


def save(folder: Path, name: str, records: list[dict], fraction: float = 0.2) -> Version:
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in records), encoding="utf-8")
    return build.save(build.stage([build.SourceFile(path, path.name)], validation_fraction=fraction), name)


def pairs(words: str, count: int) -> list[dict]:
    return [{"instruction": f"{words} {n}", "output": f"Answer {n}"} for n in range(count)]


CALL = {"type": "function", "function": {"name": "look", "arguments": "{}"}}
MIXED = [
    {"instruction": "Ärger mit dem Auto", "output": "short"},
    {"instruction": "a", "output": "x" * 500},
    {"messages": [{"role": "user", "content": "b"}, {"role": "assistant", "tool_calls": [CALL]}]},
    {"messages": [{"role": "prompter", "content": "car"}, {"role": "assistant", "content": "A Car is"}]},
    {
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "mute", "weight": 0},
            {"role": "user", "content": "again"},
            {"role": "assistant", "content": "said"},
        ]
    },
]


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (Filter(), [0, 1, 2, 3, 4]),
        (Filter(text="CAR"), [3]),
        (Filter(text="ärger"), [0]),
        (Filter(text="ÄRGER MIT"), [0]),
        (Filter(text=".*"), []),
        (Filter(tools=True), [2]),
        (Filter(repair="any"), [3]),
        (Filter(repair="role_normalised"), [3]),
        (Filter(repair="turns_merged"), []),
        (Filter(untrained=True), [4]),
        (Filter(untrained=True, text="again"), [4]),
        (Filter(untrained=True, text="car"), []),
        (Filter(at_least=100), [1]),
        (Filter(at_most=10, order="shortest"), [2]),
        (Filter(order="longest", rows=(1, 3, 4)), [1, 4, 3]),
        (Filter(file="mixed.jsonl", rows=(4, 0)), [0, 4]),
        (Filter(file="other.jsonl"), []),
    ],
)
def test_conversations_are_found_by_what_is_asked_for(home, tmp_path, wanted, rows):
    version = save(tmp_path, "mixed", MIXED)
    assert find(version.conversations_path, wanted) == rows
    assert files(version.conversations_path) == ["mixed.jsonl"]


def test_the_sides_found_are_those_of_the_split_in_files_of_many_row_groups(home, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 7)
    version = save(tmp_path, "mine", pairs("Question", 60))
    for side in ("train", "validation"):
        found = parquet.take(version.conversations_path, find(version.conversations_path, Filter(side=side)))
        assert found == list(version.conversations(side)) and found
    assert find(version.conversations_path, Filter(text="question 41")) == [41]


def test_a_difference_tells_what_came_went_and_changed(home, tmp_path):
    version = save(tmp_path, "mine", pairs("Question", 10))
    chats = list(version.conversations())
    changed = replace(chats[3], messages=(chats[3].messages[0], Message("assistant", "answer 3")))
    mute = replace(chats[4], messages=(chats[4].messages[0], Message("assistant", "Answer 4", train=False)))
    edited = edit.apply(version, Change("all kinds", {0}, {3: changed, 4: mute}, (chats[5],)))
    found = compare(version.conversations_path, edited.conversations_path)
    assert (found.went, found.came, found.changed) == ((0,), (9,), ((3, 2), (4, 3)))
    assert (found.moved, found.same) == (0, 7)
    nothing = compare(version.conversations_path, version.conversations_path)
    assert (nothing.went, nothing.came, nothing.changed, nothing.same) == ((), (), (), 10)


def test_datasets_combine_and_what_is_held_out_in_one_is_held_out_in_all(home, tmp_path):
    one, two = save(tmp_path, "one", pairs("Question", 40)), save(tmp_path, "two", pairs("Question", 60), 0.0)
    whole = combine([Part(one), Part(two)])
    report = whole.report
    assert (report["read"], report["kept"], report["left_out"], report["repeated"]) == (100, 100, 0, 0)
    assert report["duplicates"] == 40
    openings = {c.messages[0].content for c in one.conversations("validation")}
    assert {c.messages[0].content for c in whole.conversations("validation")} == openings
    assert not {c.messages[0].content for c in whole.conversations("train")} & openings
    assert {c.origin.file for c in whole.conversations()} == {"one/one.jsonl", "two/two.jsonl"}
    saved = build.save(whole, "both")
    assert saved.count() == 100 and saved.source["combined"][0]["dataset"] == "one"


def test_placeholders_of_what_is_combined_are_counted_in_the_whole(home, tmp_path):
    ours = [*pairs("Who is {{name}},", 6), *pairs("Plain", 4)]
    parts = [Part(save(tmp_path, "one", ours)), Part(save(tmp_path, "two", pairs("Other", 10)))]
    report = combine(parts).report
    assert (report["placeholders"], report["with_placeholders"]) == ({"name": 6}, 6)
    report = combine([Part(parts[0].version, weight=2), parts[1]]).report
    assert report["with_placeholders"] == report["placeholders"]["name"] > 6
    assert combine(parts[1:]).report["with_placeholders"] == 0


@pytest.mark.parametrize(
    ("weight", "cap", "kept", "most"),
    [(0.5, None, 50, 1), (2, None, 180, 2), (1.5, None, 140, 2), (1, 30, 30, 1), (2, 30, 30, 1), (0, None, 0, 0)],
)
def test_weights_and_caps_take_what_they_say(home, tmp_path, weight, cap, kept, most):
    part = Part(save(tmp_path, "one", pairs("Question", 100)), weight, cap)
    other = Part(save(tmp_path, "two", pairs("Other", 10)))
    report = combine([part, other]).report
    assert report["kept"] - 10 == report["files"][0]["kept"] == kept
    assert report["read"] + report["repeated"] == report["kept"] + report["left_out"]
    staged = combine([part, other])
    records = [c.origin.record for c in staged.conversations("train") if c.origin.file.startswith("one/")]
    assert max((records.count(record) for record in records), default=0) == most
    held_out = [c.origin for c in staged.conversations("validation")]
    assert len(held_out) == len(set(held_out))


def test_combining_is_refused_where_nothing_can_come_of_it(home, tmp_path):
    version = save(tmp_path, "one", pairs("Question", 5))
    odd = [[Part(version, each)] for each in (0, -1, float("nan"))]
    for parts in ([], [Part(version)] * 101, [Part(version, cap=-1)], *odd):
        with pytest.raises(UserError):
            combine(parts)
    version.conversations_path.write_bytes(b"PAR1")
    with pytest.raises(UserError, match="cannot be read"):
        combine([Part(version)])
