"""Whatever is uploaded ends as a conversation or as a named problem: read = kept + rejected, and never a traceback."""

import json

import pytest

from formats.conversation import Conversation
from formats.convert import convert
from formats.problems import RowProblem

GOOD = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}
LINE = json.dumps(GOOD)


def turns(*pairs):
    return {"conversations": [{"from": role, "value": value} for role, value in pairs]}


# (name, bytes or text or records, how many conversations, the codes of the problems in order)
HOSTILE = [
    ("an empty file", "", 0, ["empty"]),
    ("white space alone", " \n\n ", 0, ["empty"]),
    ("a PNG", b"\x89PNG\r\n\x1a\n" + bytes(64), 0, ["not_text"]),
    ("a JPEG", b"\xff\xd8\xff\xe0" + bytes(64), 0, ["not_text"]),
    ("a zip", b"PK\x03\x04" + bytes(64), 0, ["bad_archive"]),
    ("a PDF", b"%PDF-1.7 ...", 0, ["not_text"]),
    ("binary noise", bytes(range(256)) * 8, 0, ["not_text"]),
    ("prose", "Dear diary, today", 0, ["not_json"]),
    ("CSV", "instruction,output\nhi,hello\n", 1, []),
    ("a number", "42", 0, ["not_json"]),
    ("an empty list", "[]", 0, ["no_records"]),
    ("a list of numbers", "[1, 2]", 0, ["unknown_format", "unknown_format"]),
    ("a list with null", f"[null, {LINE}]", 1, ["unknown_format"]),
    ("an empty object", "{}", 0, ["unknown_format"]),
    ("other keys", '{"a": 1}', 0, ["unknown_format"]),
    ("a truncated array", f"[{LINE}, {LINE}", 2, ["truncated"]),
    ("an array cut in a record", f"[{LINE}, {LINE[:30]}", 1, ["truncated"]),
    ("a broken line between good ones", f"{LINE}\n{LINE[:-3]}\n{LINE}\n", 2, ["bad_json"]),
    ("a broken first line", f"{LINE[:-3]}\n{LINE}\n{LINE}\n", 2, ["bad_json"]),
    ("a truncated last line", f"{LINE}\n{LINE[:20]}", 1, ["truncated"]),
    ("words between lines", f"{LINE}\nhello\n{LINE}\n", 2, ["bad_json"]),
    ("blank lines", f"{LINE}\n\n\n{LINE}\n\n", 2, []),
    ("a byte order mark", b"\xef\xbb\xbf" + LINE.encode(), 1, []),
    ("UTF-16", LINE.encode("utf-16"), 1, []),
    ("UTF-16 without a mark", LINE.encode("utf-16-le"), 1, []),
    ("UTF-32", LINE.encode("utf-32"), 1, []),
    ("zero bytes", bytes(64), 0, ["not_text"]),
    ("CRLF", f"{LINE}\r\n{LINE}\r\n", 2, []),
    ("JSON Lines named .json", f"{LINE}\n{LINE}", 2, []),
    ("objects side by side", f"{LINE} {LINE}", 2, []),
    ("one object over many lines", json.dumps(GOOD, indent=2), 1, []),
    ("rows under data", json.dumps({"data": [GOOD, GOOD]}), 2, []),
    ("Latin-1 bytes", b'{"conversations": [{"from": "human", "value": "caf\xe9"}]}', 0, ["encoding"]),
    ("absurd nesting", "[" + "[" * 100_000, 0, ["not_read"]),
    ("absurd nesting in a line", f'{{"conversations": {"[" * 100_000}\n{LINE}', 1, ["too_deep"]),
    ("NaN as the prompt", json.dumps([turns(("human", float("nan")), ("gpt", "Hello"))]), 0, ["no_prompt"]),
    ("no turns", '[{"conversations": []}]', 0, ["no_reply"]),
    ("turns that are no list", '[{"conversations": "hi"}]', 0, ["no_turns"]),
    ("a turn that is text", '[{"conversations": ["hi"]}]', 0, ["bad_turn"]),
    ("a turn without a role", '[{"conversations": [{"value": "hi"}]}]', 0, ["no_role_or_text"]),
    ("an unknown role", [turns(("wizard", "hi"), ("gpt", "Hello"))], 0, ["unknown_role"]),
    ("a role that is a number", [turns((3, "hi"), ("gpt", "Hello"))], 0, ["unknown_role"]),
    ("text that is an object", [turns(("human", {"a": 1}), ("gpt", "Hello"))], 0, ["not_text"]),
    ("the user alone", [turns(("human", "hi"))], 0, ["no_reply"]),
    ("an empty reply", [turns(("human", "hi"), ("gpt", "  "))], 0, ["no_reply"]),
    ("the assistant alone", [turns(("gpt", "Hello"))], 0, ["no_prompt"]),
    ("a call that is not JSON", [turns(("human", "hi"), ("function_call", "{oops"))], 0, ["bad_tool_call"]),
    ("a call without a name", [turns(("human", "hi"), ("function_call", "{}"))], 0, ["bad_tool_call"]),
    ("tools that are not JSON", [{**GOOD, "tools": "[oops"}], 0, ["bad_tools"]),
    (
        "a picture in a message",
        [{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}],
        0,
        ["media"],
    ),
    ("a weight of a half", [{"messages": [{"role": "assistant", "content": "x", "weight": 0.5}]}], 0, ["bad_weight"]),
    ("ranking data", [{"prompt": "a", "chosen": "b", "rejected": "c"}], 0, ["ranking_data"]),
    ("pretraining text", [{"text": "Once upon a time"}], 0, ["pretraining_text"]),
    ("pictures beside chats", [{**GOOD, "images": ["a.png"]}], 0, ["media"]),
    ("Alpaca without output", [{"instruction": "a", "output": ""}], 0, ["no_reply"]),
    ("Alpaca with a list as output", [{"instruction": "a", "output": {"b": 1}}], 0, ["not_text"]),
    ("Alpaca with a bad history", [{"instruction": "a", "output": "b", "history": ["x"]}], 0, ["bad_history"]),
]


@pytest.mark.parametrize(("name", "given", "kept", "codes"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_hostile_input_ends_in_conversations_or_named_problems(tmp_path, name, given, kept, codes):
    path = tmp_path / "upload.json"
    text = json.dumps(given) if isinstance(given, list) else given
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    out = list(convert(path, name="chats.json"))
    problems = [item for item in out if isinstance(item, RowProblem)]
    assert sum(isinstance(item, Conversation) for item in out) == kept
    assert [problem.code for problem in problems] == codes
    for problem in problems:
        assert problem.origin.file == "chats.json"
        assert problem.problem and problem.fix
