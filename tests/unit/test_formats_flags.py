"""What a file marks as deleted, failed or not to be learned from is neither joined to what is right nor learned."""

from __future__ import annotations

import pytest

from formats.conversation import Conversation, Origin
from formats.convert import convert_record
from formats.ignored import ignored
from formats.problems import RowProblem
from formats.reading import Reading

ASK = {"role": "user", "content": "Where?"}
RIGHT = {"role": "assistant", "content": "Here."}
FAILED = ["deleted", "is_deleted", "isDeleted", "error", "isError", "failed", "unfinished"]


def read(*turns: object, **repairs: bool) -> Conversation | RowProblem:
    return convert_record({"messages": list(turns)}, Origin("f", 1), Reading(repairs=repairs))


def wrong(key: str, value: object = True) -> dict[str, object]:
    return {"role": "assistant", "content": "Wrong.", key: value}


@pytest.mark.parametrize("key", FAILED)
@pytest.mark.parametrize("value", [True, "true", 1])
def test_a_reply_that_failed_is_left_out_and_the_right_one_is_learned(key, value):
    found = read(ASK, wrong(key, value), RIGHT)
    assert [message.content for message in found.messages] == ["Where?", "Here."]
    assert "failed_turn_removed" in found.repairs and "turns_merged" not in found.repairs
    assert read(ASK, wrong(key, value), RIGHT, failed_turn_removed=False).code == "failed_turn_removed"
    assert ignored({"messages": [ASK, wrong(key, value), RIGHT]}, None, {}) == []


@pytest.mark.parametrize("key", FAILED)
@pytest.mark.parametrize("value", [False, "false", None, "", "it timed out"])
def test_a_reply_that_did_not_fail_stays(key, value):
    found = read(ASK, wrong(key, value))
    assert [message.content for message in found.messages] == ["Where?", "Wrong."] and found.repairs == ()


def test_replies_are_never_joined_across_a_question_that_was_deleted():
    found = read(ASK, RIGHT, {**ASK, "deleted": True}, {**RIGHT, "content": "There."})
    assert [message.content for message in found.messages] == ["Where?", "Here."]
    assert {"failed_turn_removed", "cut_at_missing_turn"} <= set(found.repairs)


def test_of_ranked_replies_one_that_was_deleted_is_not_the_best():
    tree = [
        {**ASK, "id": "1", "parent_id": None},
        {**wrong("deleted"), "id": "2", "parent_id": "1", "rank": 0},
        {**RIGHT, "id": "3", "parent_id": "1", "rank": 1},
    ]
    assert [message.content for message in read(*tree).messages] == ["Where?", "Here."]


@pytest.mark.parametrize("mask", [{"mask": True}, {"masked": 1}, {"training": False}, {"training": "false"}])
def test_a_reply_that_is_masked_is_context_only(mask):
    found = read(ASK, {**RIGHT, **mask}, ASK, RIGHT)
    assert [message.train for message in found.messages[1::2]] == [False, True]
    assert ignored({"messages": [ASK, {**RIGHT, **mask}]}, None, {}) == []
    kept = read(ASK, {**RIGHT, **{key: not value for key, value in mask.items() if isinstance(value, bool)}})
    assert kept.messages[1].train


def test_what_is_no_flag_is_named_as_not_read():
    record = {"messages": [ASK, {**RIGHT, "training": "set A", "mask": [1, 0], "error": "it timed out"}]}
    assert ignored(record, None, {}) == ["messages.error", "messages.mask", "messages.training"]
