"""Files read by several processes: the same as by one, in order, whatever is in them; and within limits."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import psutil
import pytest

from formats.notes import Notes
from formats.reading import Reading
from ft.dataset import readers
from ft.dataset.readers import Readers
from ft.dataset.table import conversations
from ft.dataset.tally import as_json


def chat(number: int, text: str = "") -> dict[str, Any]:
    reply = f"Answer {number} {text}"
    return {"id": number, "conversations": [{"from": "human", "value": f"Q {number}"}, {"from": "gpt", "value": reply}]}


CHATS = [chat(number, "word " * (number % 7)) for number in range(160)]
LINES = [json.dumps(each) for each in CHATS]
BROKEN = '{"id": 3, "conversations": [{"from": "human", "value": "never '
SPREAD = '{"id": 3, "conversations": [{"from": "human", "value": "two\nlines"}, {"from": "gpt", "value": "a"}]}'

# Messages of conversations that go on at once: row n belongs to conversation n % 41, and the last row to the first one.
ROWS = [
    {"conversation_id": n % 41, "role": "assistant" if n // 41 % 2 else "user", "content": f"text {n}"}
    for n in range(410)
]
RUNS = [{"id": row["conversation_id"], **row} for row in sorted(ROWS, key=lambda row: int(row["conversation_id"]))]


def put(lines: list[str], *odd: str) -> list[str]:
    """The lines with odd ones among the last of them, behind those that the format is guessed from."""
    lines = list(lines)
    for place, one in enumerate(odd):
        lines.insert(115 + 16 * place, one)
    return lines


FILES = {
    "lines": "\n".join(LINES) + "\n",
    "lines without an end": "\n".join(LINES),
    "lines with carriage returns": "\r\n".join(LINES) + "\r\n",
    "lines with gaps": "\n\n \n".join(LINES),
    "lines after a byte order mark": "\ufeff" + "\n".join(LINES),
    "lines with broken ones": "\n".join(put(LINES, BROKEN, "{]", "[1, 2]")),
    "lines with one over two lines": "\n".join(put(LINES, SPREAD, BROKEN + '"}]}', "{}")),
    "lines that end inside a record": "\n".join(LINES) + "\n" + BROKEN,
    "an array": json.dumps(CHATS),
    "a compact array": json.dumps(CHATS, separators=(",", ":")),
    "an array over lines": json.dumps(CHATS, indent=2),
    "an array without an end": json.dumps(CHATS)[:-1],
    "an array that is cut": json.dumps(CHATS)[:-30],
    "an array with a broken record": "[" + ",\n".join(put(LINES, BROKEN, "{]")) + "]",
    "arrays in a row": json.dumps(CHATS[:120]) + json.dumps(CHATS[120:]),
    "an array, then lines": json.dumps(CHATS[:120]) + "\n" + "\n".join(LINES[120:]),
    "a wrapper": json.dumps({"data": CHATS}),
    "a wrapper of two": json.dumps({"train": CHATS[:130], "test": CHATS[130:], "system": "late"}),
    "wrappers in lines": "\n".join(
        json.dumps({"train": CHATS[n : n + 2], "test": CHATS[n + 2 : n + 3]}) for n in range(50)
    ),
    "a list of turns": json.dumps([turn for each in CHATS for turn in each["conversations"]]),
    "records that look like turns": json.dumps(
        [{"role": n, "conversations": CHATS[n]["conversations"]} for n in range(160)]
    ),
    "what stands between records, in a text": json.dumps([chat(n, '}, {"id": 1') for n in range(160)]),
    "what stands between records, inside them": json.dumps(
        [
            {"id": 1, "conversations": CHATS[n]["conversations"], "more": [{"id": 1}, {"id": 2}, {"id": 3}]}
            for n in range(160)
        ]
    ),
    "letters of several bytes": "\n".join(
        json.dumps(chat(n, "çé漢😀" * (n % 5)), ensure_ascii=False) for n in range(160)
    ),
    "keys given twice": "\n".join(put(LINES, '{"id": 1, "id": 2, "conversations": []}', LINES[0], LINES[1])),
    "other keys from the middle on": "\n".join(
        [
            *LINES[:120],
            *(
                json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": str(n)}]})
                for n in range(30)
            ),
        ]
    ),
    "repairs": "\n".join(
        json.dumps(
            {"id": n, "conversations": [{"from": "prompter", "value": "q"}, *CHATS[n]["conversations"]], "note": "x"}
        )
        for n in range(160)
    ),
    "rows of messages in lines": "\n".join(map(json.dumps, ROWS)),
    "rows of messages in an array": json.dumps(ROWS, indent=1),
    "rows of messages in a wrapper": json.dumps({"messages": ROWS}),
    "rows of messages in a wrapper of two": json.dumps({"train": ROWS, "test": ROWS[:120]}),
    "rows of messages, and broken ones": "\n".join(put(list(map(json.dumps, ROWS)), BROKEN, "{]", '{"a": 1}')),
    "rows of messages with no name for their id": json.dumps(
        [{"id": row.pop("conversation_id"), **row} for row in RUNS]
    ),
    "nothing": "[]",
    "an object that is cut": '{"data": [' + ", ".join(LINES),
}


def read(path: Path, count: int) -> tuple[Any, ...]:
    """All that reading the file gives."""
    notes, rows, problems, counts = Notes(), [], [], {}
    repaired: dict[str, int] = {}
    with Readers(count) as processes:
        for batch in processes.read(path, "chats", Reading(), 0.1, notes):
            if batch.rows is not None:
                rows += [
                    (each, side)
                    for each, side in zip(conversations(batch.rows), batch.rows["split"].to_pylist(), strict=True)
                ]
            problems += [{**as_json(problem), "raw": problem.record} for problem in batch.problems]
            for file, (many, kept) in batch.counts.items():
                before = counts.get(file, (0, 0))
                counts[file] = (before[0] + many, before[1] + kept)
            for code, times in batch.repaired.items():
                repaired[code] = repaired.get(code, 0) + times
    return rows, problems, counts, repaired, notes


@pytest.mark.parametrize("name", FILES)
def test_several_processes_read_the_same_as_one(name, tmp_path, monkeypatch):
    path = tmp_path / "chats.json"
    path.write_bytes(FILES[name].encode("utf-8"))
    whole = read(path, 1)
    assert whole[0] or whole[1]
    monkeypatch.setattr(readers, "PART", 400)
    assert read(path, 3) == whole


def test_bytes_that_are_no_text_cost_the_same_records(tmp_path, monkeypatch):
    path = tmp_path / "chats.json"
    path.write_bytes(
        b"\n".join(
            line.replace("Answer", "Ansch\xff").encode("latin-1") if n % 9 == 4 else line.encode()
            for n, line in enumerate(LINES)
        )
    )
    whole = read(path, 1)
    assert len(whole[1]) == 18
    monkeypatch.setattr(readers, "PART", 300)
    assert read(path, 3) == whole


@pytest.mark.parametrize("seed", range(8))
def test_files_made_of_pieces_of_files_read_the_same(seed, tmp_path, monkeypatch):
    draw = random.Random(seed)
    pieces = [*LINES[:6], "\n", ",", "[", "]", '{"data": [', "}", BROKEN, SPREAD, "\n{", '"', " ", "{}", "null"]
    weights = [*[3] * 6, 16, 5, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1]
    before = draw.choice(["", "\n".join(LINES) + "\n", "[" + ",".join(LINES) + ",", "[" + ",\n".join(LINES) + ",\n"])
    path = tmp_path / "chats.json"
    path.write_text(before + "".join(draw.choices(pieces, weights, k=200)), encoding="utf-8")
    whole = read(path, 1)
    monkeypatch.setattr(readers, "PART", 400)
    assert read(path, 3) == whole


def test_a_file_that_takes_too_much_memory_ends_in_words_and_what_came_before_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "_LEAST", 64 << 20)
    monkeypatch.setattr(readers, "_MOST", 64 << 20)
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join([*LINES, json.dumps(chat(0, "word " * 6_000_000)), *LINES]))
    rows, problems, counts, _, _ = read(path, 2)
    assert [each.origin.record for each, _ in rows] == list(range(1, 161))
    assert [each["code"] for each in problems] == ["limit"]
    assert "took more than 0.1 GB of memory" in problems[0]["problem"]
    assert "after record 160 was not read" in problems[0]["problem"]
    assert counts == {"chats": (161, 160)}


def test_a_file_that_takes_too_long_ends_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "_SECONDS", 0)
    monkeypatch.setattr(readers, "_SECONDS_PER_MB", 0)
    monkeypatch.setattr(readers, "PART", 1 << 30)
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(LINES * 1500))
    rows, problems, _, _, _ = read(path, 1)
    assert rows
    assert [each["code"] for each in problems] == ["limit"]
    assert "seconds of computing" in problems[0]["problem"]


def test_no_process_is_left_when_reading_is_broken_off(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "PART", 500)
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(LINES * 50))
    children: list[int] = []
    begin = readers.Child.begin

    def noted(child: readers.Child, *work: Any) -> None:
        children.append(child._process.pid or 0)
        begin(child, *work)

    monkeypatch.setattr(readers.Child, "begin", noted)
    with Readers(3) as processes:
        batches = processes.read(path, "chats", Reading(), 0.1, Notes())
        next(batches)
        next(batches)
        batches.close()
    assert len(set(children)) == 3
    assert not [pid for pid in children if psutil.pid_exists(pid)]


def test_a_process_that_was_ended_while_it_had_nothing_to_do_is_replaced(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"prompt": "a", "completion": "b"}) + "\n")
    with Readers(1) as all_readers:
        for _ in range(2):
            found = list(all_readers.read(path, "a.jsonl", Reading(), 0.1, Notes()))
            assert sum(kept for batch in found for _, kept in batch.counts.values()) == 1
            (idle,) = all_readers._idle  # the server of processes is a child, too, and may be as new
            idle._process.kill()
            idle._process.join()
