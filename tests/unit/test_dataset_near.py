"""Duplicates and near duplicates are found, verified and removed; nothing that is different is called alike."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from field_files import DATA, needs_field_files

from formats.conversation import Conversation, Message, Origin
from ft.dataset import build, edit
from ft.dataset.near import across, groups, removal

DRAW = random.Random(3)
NAMES = ["sun", "moon", "star", "sky", "sea", "tree", "bird", "song", "rain", "wind"]
TEXT = [DRAW.choice(NAMES) + str(number % 37) for number in range(200)]


def chat(prompt: str, reply: str = "Yes.") -> Conversation:
    return Conversation((Message("user", prompt), Message("assistant", reply)), Origin("f", 1))


def words_of(conversation: Conversation) -> list[str]:
    return conversation.messages[0].content.split()


def changed(words: int) -> str:
    """TEXT with so many of its words replaced, spread evenly."""
    step = len(TEXT) // words
    return " ".join(f"other{n}" if n % step == 0 and n // step < words else word for n, word in enumerate(TEXT))


def test_the_same_but_for_case_and_spaces_is_one_group_of_the_same():
    found = groups(
        [chat("Hello there"), chat("Bye"), chat("hello   THERE"), chat("Hello there", "No."), chat("Hello there")]
    )
    assert [(group.rows, group.kind, group.similarity) for group in found] == [((0, 2, 4), "same", 1.0)]


def test_what_differs_in_a_few_words_is_near_and_what_differs_in_many_is_not():
    found = groups([chat(" ".join(TEXT)), chat(changed(5)), chat(changed(40)), chat("something else")])
    ((group),) = found
    assert group.rows == (0, 1) and group.kind == "near" and 0.8 <= group.similarity < 1
    assert groups([chat(" ".join(TEXT)), chat(changed(5))], threshold=0.97) == []
    assert groups([chat(" ".join(TEXT)), chat(changed(5))], threshold=None) == []


def test_no_group_drifts_away_from_its_first():
    chats = [chat(changed(words)) for words in (1, 4, 8, 12, 16, 20, 25, 40, 50, 66, 100)]
    found = groups(chats)
    assert found and len(found[0].rows) > 1
    for group in found:
        first, *others = (set(words_of(chats[row])) for row in group.rows)
        for other in others:
            assert len(first & other) / len(first | other) >= 0.7  # by words: the drift from end to end is far below
    assert not any({0, len(chats) - 1} <= set(group.rows) for group in found)


def test_short_conversations_that_are_different_are_kept_apart():
    assert groups([chat(f"Question {n}?", f"Answer {n}.") for n in range(200)]) == []


def test_the_same_conversations_give_the_same_groups():
    """In another process, too: nothing of it is drawn anew."""
    chats = [chat(changed(1 + number % 30)) for number in range(60)]
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        assert other.submit(groups, chats).result() == groups(chats) != []


def test_removal_keeps_the_first_of_each_group(home, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"prompt": "a", "completion": "b"}\n{"prompt": "A", "completion": "b"}\n{"prompt": "c", "answer": "d"}'
    )
    version = build.save(build.stage([build.SourceFile(path, "a.jsonl")]), "mine")
    cleaned = edit.apply(version, removal(groups(version.conversations())))
    assert [each.messages[0].content for each in cleaned.conversations()] == ["a", "c"]
    assert cleaned.report["duplicates"] == 0 and cleaned.source["edit"] == "1 duplicate deleted"
    with pytest.raises(ValueError, match="no group"):
        removal([])


def test_groups_on_both_sides_of_the_split_are_told():
    found = groups([chat(" ".join(TEXT)), chat(changed(5)), chat("a"), chat("A")])
    assert [group.rows for group in across(found, lambda row: row in (1, 2, 3))] == [(0, 1)]


@needs_field_files
def test_the_field_s_own_alpaca_file_has_fourteen_duplicates(home):
    name = "alpaca_en_demo.json"
    staged = build.stage([build.SourceFile(DATA / name, name)])
    found = groups(staged.conversations(), threshold=None)
    assert sum(len(group.rows) - 1 for group in found) == staged.report["duplicates"] == 14
