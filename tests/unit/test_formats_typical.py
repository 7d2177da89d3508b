"""Typical records are read in a shorter way: it must give what the ordinary way gives, and leave to it all others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.conversation import Conversation
from formats.convert import convert
from formats.notes import Notes
from formats.part import Part
from formats.typical import Typical

TEXTS = st.text(alphabet='ab \n<&{}":,\\漢é\u00a0😀', max_size=8) | st.sampled_from(
    ["Copy code\n", "{{name}}", "<|im_end|>", '": "']
)
ROLES = st.sampled_from(["human", "gpt", "user", "assistant", "system", "tool", "prompter", "Human", ""])


def turns(role: str, text: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    alternating = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3).map(
        lambda pairs: [
            {role: name, text: said} for pair in pairs for name, said in zip(("user", "assistant"), pair, strict=True)
        ]
    )
    return alternating | st.lists(
        st.fixed_dictionaries({role: ROLES, text: TEXTS}, optional={"weight": st.just(0)}), max_size=4
    )


RECORDS = st.one_of(
    st.fixed_dictionaries(
        {"conversations": turns("from", "value")},
        optional={"id": st.none() | st.integers() | TEXTS | st.floats(allow_nan=False)},
    ),
    st.fixed_dictionaries(
        {"messages": turns("role", "content")}, optional={"id": TEXTS, "system": TEXTS, "tools": st.just([])}
    ),
)


def read(path: Path) -> tuple[list[Any], Notes]:
    """All records behind the first 100, with the place that they are read from."""
    notes = Notes()
    first = Part(None, 1, 100)
    before = list(convert(path, notes=notes, part=first))
    assert len(before) == 100 and first.stopped is not None
    return list(convert(path, notes=notes, part=Part(first.stopped, 1 << 40))), notes


@settings(max_examples=150, deadline=None)
@given(
    records=st.lists(RECORDS, min_size=1, max_size=6),
    style=st.sampled_from([{}, {"indent": 1}, {"ensure_ascii": False}]),
)
def test_the_shorter_way_gives_what_the_ordinary_way_gives(tmp_path_factory, records, style):
    path = tmp_path_factory.mktemp("typical") / "chats.json"
    usual = {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}], "id": 1}
    path.write_text("\n".join(json.dumps(each, **style) for each in [*[usual] * 101, *records]), encoding="utf-8")
    short = read(path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Typical, "read", lambda self, text: None)
        assert read(path) == short


@pytest.mark.parametrize(
    "record",
    [
        '{"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}], "id": "x"}',
        '{"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}, '
        '{"role": "assistant", "content": "A"}]}',
    ],
)
def test_typical_records_are_read_in_the_shorter_way(record):
    assert Typical().read(record) is not None


@pytest.mark.parametrize(
    "record",
    [
        '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", "content": "B"}]}',
        '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "\\ud83d"}]}',
        '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "\udc80"}]}',
        '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": ""}]}',
        '{"messages": [{"role": "user", "content": "Q"}]}',
        '{"messages": []}',
        '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "id": 1.10}',
        "[1]",
    ],
)
def test_others_are_left_to_the_ordinary_way(record):
    assert Typical().read(record) is None


def test_a_file_of_other_records_is_not_tried_for_ever():
    typical = Typical()
    good = '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}'
    for _ in range(4):
        assert typical.read("{}") is None
    assert typical.read(good)
    for _ in range(10):
        assert typical.read("{}") is None
    assert typical.read(good) is None


def test_ids_are_told_as_not_carried(tmp_path):
    path = tmp_path / "chats.jsonl"
    chat = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}
    path.write_text("\n".join(json.dumps({**chat, "id": number if number % 2 else ""}) for number in range(200)))
    found, notes = read(path)
    assert notes.ignored == {"id": 100}
    assert all(isinstance(item, Conversation) for item in found)
