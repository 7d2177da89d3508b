"""A list of messages that is a tree gives the branch that was shown last; the others are counted, never joined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from formats.columns import Columns
from formats.conversation import Conversation, Origin
from formats.convert import convert, convert_record
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading

KEYS = [
    ("id", "parent_id"),
    ("id", "parentId"),
    ("id", "parent"),
    ("message_id", "parent_id"),
    ("messageId", "parentMessageId"),
    ("uuid", "parent_message_uuid"),
    ("uuid", "parentUuid"),
    ("id", "in_reply_to"),
    ("id", "inReplyToId"),
    ("id", "previous_message_id"),
    ("message_id", "previousId"),
    ("msg_id", "prev_id"),
]
NOBODY = "00000000-0000-4000-8000-000000000000"
# (id, its parent, role, text): each a chat of which parts were asked or answered again.
LINE = [("1", NOBODY, "user", "a"), ("2", "1", "assistant", "b")]
REGENERATED = [*LINE, ("3", "1", "assistant", "c"), ("4", "3", "user", "d"), ("5", "4", "assistant", "e")]
EDITED = [*LINE, ("3", NOBODY, "user", "A"), ("4", "3", "assistant", "B")]
EDITED_LATER = [*LINE, ("3", "2", "user", "d"), ("4", "2", "user", "D"), ("5", "4", "assistant", "e")]
LAST_REPLY = [*LINE, ("3", "1", "assistant", "c")]
AGAIN_IN_THE_FIRST = [*REGENERATED, ("6", "2", "user", "f"), ("7", "6", "assistant", "g")]
TREES = {
    "a reply that was regenerated": (REGENERATED, "acde"),
    "a first prompt that was edited": (EDITED, "AB"),
    "a later prompt that was edited": (EDITED_LATER, "abDe"),
    "a last reply that was regenerated": (LAST_REPLY, "ac"),
    "a branch that was gone back to": (AGAIN_IN_THE_FIRST, "abfg"),
}


def turns(nodes: list[tuple[Any, ...]], keys: tuple[str, str] = KEYS[0]) -> list[dict[str, Any]]:
    return [{keys[0]: id, keys[1]: parent, "role": role, "content": text} for id, parent, role, text in nodes]


def read(record: object, **reading: Any) -> Conversation | RowProblem:
    return convert_record(record, Origin("f", 1), Reading(**reading))


def said(found: Conversation | RowProblem) -> str:
    assert isinstance(found, Conversation), found
    return "".join(message.content for message in found.messages)


@pytest.mark.parametrize("keys", KEYS, ids=" ".join)
@pytest.mark.parametrize("tree", TREES)
def test_the_branch_that_was_shown_last_is_read_and_the_others_are_a_repair(tree, keys):
    nodes, shown = TREES[tree]
    found = read({"messages": turns(nodes, keys)})
    assert said(found) == shown and found.repairs == ("other_branches",)
    assert read({"messages": turns(nodes, keys)}, repairs={"other_branches": False}).code == "other_branches"


def write(folder: Path, how: str, chat: list[dict[str, Any]]) -> Path:
    path = folder / f"chats.{how}"
    if how == "jsonl":
        path.write_text(json.dumps({"messages": chat}) + "\n", encoding="utf-8")
    elif how == "json":  # a bare list of turns
        path.write_text(json.dumps(chat), encoding="utf-8")
    elif how == "csv":
        path.write_text('messages\n"' + json.dumps(chat).replace('"', '""') + '"\n', encoding="utf-8")
        path.write_text(path.read_text().replace("messages\n", "n,messages\n").replace('\n"', '\n1,"'))
    else:
        pq.write_table(pa.table({"messages": [chat]}), path)
    return path


@pytest.mark.parametrize("how", ["jsonl", "json", "csv", "parquet"])
def test_a_tree_is_known_in_every_container(tmp_path, how):
    (found,) = convert(write(tmp_path, how, turns(REGENERATED)))
    assert said(found) == "acde" and "other_branches" in found.repairs


def test_a_tree_is_known_behind_columns_that_a_person_chose():
    record = {"log": {"chat": turns(REGENERATED, ("uuid", "parent_message_uuid"))}}
    found = read(record, columns=Columns(turns="log.chat", role="role", text="content"))
    assert said(found) == "acde" and found.repairs == ("other_branches",)


def test_what_links_the_messages_is_read_and_ids_that_link_none_are_told(tmp_path):
    def ignored(chat: list[dict[str, Any]]) -> set[str]:
        notes = Notes()
        assert isinstance(next(convert(write(tmp_path, "jsonl", chat), notes=notes)), Conversation)
        return set(notes.ignored)

    ranked = [{**turn, "rank": int(turn["id"])} for turn in turns(REGENERATED)]
    assert ignored(ranked) == ignored(turns(REGENERATED)) == {"messages.id"}
    assert ignored([{**turn, "parent_id": "thread-7", "rank": 1} for turn in turns(LINE)]) == {
        "messages.id",
        "messages.parent_id",
        "messages.rank",
    }
    assert not [key for key in ignored([nested("replies")]) if "replies" in key]


def test_messages_in_a_line_are_read_as_they_stand():
    nodes = [*LINE, ("3", "2", "user", "c"), ("4", "3", "assistant", "d")]
    found = read({"messages": [{"role": "system", "content": "s"}, *turns(nodes)]})
    assert said(found) == "sabcd" and found.repairs == ()
    numbers = [{"id": n, "parent_id": n - 1 if n else None, "role": r, "content": r[0]} for n, r in enumerate(ROLES)]
    assert said(read({"messages": numbers})) == "uaua"


@pytest.mark.parametrize("key", ["in_reply_to", "reply_to", "reply_to_message_id"])
def test_what_few_messages_of_a_chat_of_many_quote_is_no_parent(key):
    nodes = [("1", "", "user", "a"), ("2", "", "user", "b"), ("3", "1", "user", "c"), ("4", "", "assistant", "d")]
    chat = [{**turn, "name": turn["id"]} for turn in turns(nodes, ("id", key))]
    found = read({"messages": chat})
    assert said(found) == "abcd" and found.repairs == ()


def test_numbers_that_a_table_wrote_with_a_point_are_the_same_ids():
    for id, parent in ((int, float), (str, lambda id: f"{id}.0"), (float, str)):
        chat = [
            {"id": id(int(n)), "parent_id": parent(int(p)) if p != NOBODY else None, "role": r, "content": c}
            for n, p, r, c in REGENERATED
        ]
        assert said(read({"messages": chat})) == "acde"


ROLES = ["user", "assistant"] * 2


@pytest.mark.parametrize("key", ["current_leaf_message_uuid", "current_node", "currentId", "currentMessageId"])
def test_the_message_that_the_chat_says_is_current_wins(key):
    found = read({"messages": turns(REGENERATED), key: "2"})
    assert said(found) == "ab" and found.repairs == ("other_branches",)


def test_the_latest_message_by_its_time_was_shown_last_wherever_it_stands():
    chat = [{**turn, "created_at": f"2024-05-0{9 - int(turn['id'])}T10:00:00Z"} for turn in turns(LAST_REPLY)]
    assert said(read({"messages": chat})) == "ab"


def ranked(ranks: list[int | None], texts: str) -> list[dict[str, Any]]:
    replies = [(str(n), "1", "assistant", text) for n, text in enumerate(texts, 2)]
    return [{**turn, "rank": rank} for turn, rank in zip(turns([LINE[0], *replies]), [None, *ranks], strict=True)]


@pytest.mark.parametrize(("ranks", "best"), [([0, 1], "b"), ([2, 0, 1], "c"), ([None, 1, 0], "d"), ([None] * 2, "c")])
def test_of_ranked_replies_the_best_is_read(ranks, best):
    found = read({"messages": ranked(ranks, "bcd"[: len(ranks)])})
    assert said(found) == "a" + best and found.repairs == ("other_branches",)


def nested(key: str) -> dict[str, Any]:
    last = {"role": "assistant", "content": "e", key: []}
    first = {"role": "assistant", "content": "b", "rank": 1, key: []}
    best = {"role": "assistant", "content": "c", "rank": 0, key: [{"role": "user", "content": "d", key: [last]}]}
    return {"role": "prompter", "content": "a", key: [best, first]}


@pytest.mark.parametrize("key", ["children", "replies"])
def test_messages_inside_one_another_are_a_tree_too(key):
    found = read({"messages": [nested(key)]})
    assert said(found) == "acde" and found.repairs == ("other_branches", "role_normalised")


def test_a_tree_of_ranked_replies_to_one_prompt_is_a_format_of_its_own(tmp_path):
    path = tmp_path / "trees.jsonl"
    path.write_text(json.dumps({"message_tree_id": "x", "tree_state": "ready", "prompt": nested("replies")}))
    (found,) = convert(path)
    assert said(found) == "acde" and "other_branches" in found.repairs


def test_messages_that_stand_in_another_order_are_put_into_that_of_their_parents():
    nodes = [*LINE, ("3", "2", "user", "c"), ("4", "3", "assistant", "d")]
    found = read({"messages": turns(nodes[::-1])})
    assert said(found) == "abcd" and found.repairs == ("turns_sorted",)
    assert read({"messages": turns(nodes[::-1])}, repairs={"turns_sorted": False}).code == "turns_sorted"
    assert said(read({"messages": turns(REGENERATED[::-1])})) == "acde"


BROKEN = {
    "a message that is gone": [LINE[0], ("3", "2", "user", "c"), ("4", "3", "assistant", "d")],
    "two messages of one id": [*LINE, ("2", "1", "assistant", "c")],
    "a circle": [("1", "4", "user", "a"), ("2", "1", "assistant", "b"), ("4", "2", "user", "c")],
    "a message without id and parent": [*LINE, (None, None, "user", "c"), ("4", "2", "assistant", "d")],
    "branches in no order": [("3", "1", "assistant", "c"), LINE[0], LINE[1]],
    "threads, or a prompt that was edited": [
        *(("1", None, "user", "a"), ("2", "1", "assistant", "b")),
        *(("3", None, "user", "c"), ("4", "3", "assistant", "d")),
    ],
}


def test_messages_with_replies_inside_and_others_after_them_are_no_branches():
    thread = [
        {**nested("replies"), "replies": [{"role": "assistant", "content": "b"}]},
        {"role": "user", "content": "c"},
    ]
    assert read({"messages": [*thread, {"role": "assistant", "content": "d"}]}).code == "bad_tree"


@pytest.mark.parametrize("name", BROKEN)
def test_a_tree_whose_branch_is_not_certain_is_refused_by_name(name):
    problem = read({"messages": turns(BROKEN[name])})
    assert isinstance(problem, RowProblem) and problem.code == "bad_tree" and problem.fix


@pytest.mark.parametrize("parent", ["thread-7", None, ""])
def test_parents_that_are_no_messages_of_the_chat_are_no_tree(parent):
    chat = [
        {**turn, "parent_id": parent} for turn in turns([*LINE, ("3", "", "user", "c"), ("4", "", "assistant", "d")])
    ]
    found = read({"messages": chat})
    assert said(found) == "abcd" and found.repairs == ()


def node(id: str, parent: str | None, role: str, text: str) -> dict[str, Any]:
    message = {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}}
    return {id: {"id": id, "parent": parent, "children": [], "message": message}}


def test_other_branches_of_an_export_of_chatgpt_are_a_repair_too():
    line = {**node("0", None, "system", ""), **node("1", "0", "user", "a"), **node("2", "1", "assistant", "b")}
    assert read({"mapping": line, "current_node": "2"}).repairs == ()
    unsaid = {**line, **node("9", "1", "system", "")}
    assert read({"mapping": unsaid, "current_node": "2"}).repairs == ()
    again = {"mapping": {**line, **node("3", "1", "assistant", "c")}, "current_node": "3"}
    found = read(again)
    assert said(found) == "ac" and found.repairs == ("other_branches",)
    assert read(again, repairs={"other_branches": False}).code == "other_branches"
