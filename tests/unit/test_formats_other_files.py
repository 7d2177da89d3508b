"""A file that holds no chats which can be read is named for what it is, with a way to bring its chats."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest

from formats.conversation import Conversation
from formats.convert import convert
from formats.problems import RowProblem
from formats.reading import Reading
from ft.dataset import build
from ft.errors import UserError

LINE = b'{"prompt": "Hi", "completion": "Yo"}\n'
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "It's None"}]


def zipped(*names: str, first: bytes = b"<x/>", stored: bool = True) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(names):
            archive.writestr(name, b"<x/>" if number else first)
    return held.getvalue()


def tarred(mode: str) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("chats.jsonl")
        member.size = len(LINE)
        archive.addfile(member, io.BytesIO(LINE))
    return held.getvalue()


def open_document(kind: str) -> bytes:
    return zipped("mimetype", "content.xml", first=f"application/vnd.oasis.opendocument.{kind}".encode())


WORKBOOK = zipped("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml")
OTHERS: dict[str, tuple[str, bytes, str, str]] = {
    "a workbook": ("faq.xlsx", WORKBOOK, "Excel workbook", "CSV"),
    "a workbook of another program": (
        "a.xlsx",
        zipped("docProps/app.xml", "xl/workbook.xml", "[Content_Types].xml"),
        "Excel",
        "CSV",
    ),
    "a workbook in a zip": ("a.zip", zipped("faq.xlsx", first=WORKBOOK), "Excel workbook", "CSV"),
    "a workbook in a zip that packs": (
        "a.zip",
        zipped("faq.xlsx", first=WORKBOOK, stored=False),
        "Excel workbook",
        "CSV",
    ),
    "a workbook in gzip": ("a.gz", gzip.compress(WORKBOOK), "Excel workbook", "CSV"),
    "a Word document": ("a.docx", zipped("[Content_Types].xml", "word/document.xml"), "Word document", "CSV"),
    "a presentation": ("a.pptx", zipped("_rels/.rels", "ppt/presentation.xml"), "PowerPoint", "JSON Lines"),
    "an .ods": ("a.ods", open_document("spreadsheet"), "OpenDocument spreadsheet", "CSV"),
    "an .odt": ("a.odt", open_document("text"), "OpenDocument text", "CSV"),
    "a book": ("a.epub", zipped("mimetype", "a.opf", first=b"application/epub+zip"), "a book", "JSON Lines"),
    "Numbers": ("a.numbers", zipped("Index/Document.iwa", "Data/x.jpg"), "Apple's Numbers", "CSV"),
    "an .xls": ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), "(.xls, .doc)", "CSV"),
    "Zstandard": ("a.zst", b"\x28\xb5\x2f\xfd" + bytes(range(256)), "Zstandard", "zstd -d"),
    "a tar": ("a.tar", tarred("w"), "tar archive", "Unpack it"),
    "a tar.gz": ("a.tar.gz", tarred("w:gz"), "tar archive", "Unpack it"),
    "a tar.bz2": ("a.tgz", tarred("w:bz2"), "tar archive", "Unpack it"),
    "7z": ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(range(256)), "7z archive", "Unpack it"),
    "RAR": ("a.rar", b"Rar!\x1a\x07\x01\0" + bytes(range(256)), "RAR archive", "Unpack it"),
    "a zip in a zip": (
        "a.zip",
        zipped("b.zip", first=zipped("xl.json", first=LINE)),
        "archive in an archive",
        "Unpack it",
    ),
    "a zip of a workbook in a zip": (
        "a.zip",
        zipped("b.zip", first=zipped("a.xlsx", first=WORKBOOK)),
        "archive in an archive",
        "Unpack",
    ),
    "gzip in bzip2": ("a.bz2", bz2.compress(gzip.compress(LINE)), "archive in an archive", "Unpack it"),
    "a pickle": ("a.pkl", pickle.dumps([TURNS]), "Python pickle", "json.dumps"),
    "NumPy": ("a.npy", b"\x93NUMPY\x01\0v\0{'descr': '<f8'}", "NumPy", "json.dumps"),
    "SQLite": ("a.db", b"SQLite format 3\0" + bytes(100), "SQLite", "CSV"),
    "a model": ("a.gguf", b"GGUF\x03\0\0\0" + bytes(64), "a model", "when you train"),
    "YAML": ("a.yaml", b"- prompt: Hi\n  completion: Yo\n", "YAML", "yaml.safe_load"),
    "a web page": ("a.html", b"<!DOCTYPE html><html></html>", "web page", "conversations.json"),
    "XML": ("a.xml", b'<?xml version="1.0"?><chats/>', "XML", "JSON Lines"),
    "RTF": ("a.rtf", b"{\\rtf1\\ansi Hi}", "RTF", "JSON Lines"),
    "a pointer": ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS", "git lfs pull"),
    "a table called .txt": (
        "a.txt",
        b"Frage;Antwort\nWas?;Das.\n",
        "a table, with the columns 'Frage', 'Antwort'",
        ".csv",
    ),
    "a table with tabs": ("a.txt", "Frage\tAntwort\nWas?\tDas.\n".encode("utf-16"), "'Frage', 'Antwort'", ".tsv"),
    "a list that Python printed": ("a.txt", repr([TURNS]).encode(), "what Python prints", "json.dumps"),
    "objects that Python printed": (
        "a.jsonl",
        b"{'prompt': 'Hi', 'completion': None}\n" * 2,
        "what Python prints",
        "json.dumps",
    ),
    "prose": (
        "a.txt",
        b"Dear diary, today\nI went home, and slept.\n",
        "it begins with 'Dear diary",
        '{"messages": [{"role"',
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_file_of_something_else_is_named_once_with_what_to_do(tmp_path, what):
    name, content, named, todo = OTHERS[what]
    (tmp_path / name).write_bytes(content)
    (problem,) = convert(tmp_path / name)
    assert isinstance(problem, RowProblem)
    assert named in problem.problem and todo in problem.fix, problem
    assert problem.problem.isprintable()
    with pytest.raises(UserError) as refused:
        build.stage([build.SourceFile(tmp_path / name, name)])
    assert named in refused.value.why and todo in refused.value.todo


def test_a_large_file_that_python_printed_is_one_problem_too(home, tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text("".join(f"{{'prompt': 'Hi {n}', 'completion': '{'x' * 100}'}}\n" for n in range(50_000)))
    with pytest.raises(UserError, match="what Python prints"):
        build.stage([build.SourceFile(file, file.name)])


PYTHON: dict[str, tuple[dict[str, object], str]] = {
    "turns": ({"messages": repr(TURNS)}, "messages"),
    "turns of NumPy": (
        {"conversations": "[{'from': 'human', 'value': 'Hi'}\n {'from': 'gpt', 'value': 'Yo'}]"},
        "conversations",
    ),
    "an array": ({"messages": f"array({TURNS!r}, dtype=object)"}, "messages"),
    "a tuple": ({"messages": repr(tuple(TURNS))}, "messages"),
    "a turn": ({"messages": [repr(turn) for turn in TURNS]}, "messages"),
    "a prompt of turns": ({"prompt": repr(TURNS[:1]), "completion": "Yo"}, "prompt"),
    "a reply of turns": ({"prompt": "Hi", "completion": repr(TURNS[1:])}, "completion"),
    "a history": ({"instruction": "Hi", "output": "Yo", "history": "[['a', 'b']]"}, "history"),
    "tools": ({"messages": TURNS, "tools": "[{'name': 'f'}]"}, "tools"),
    "calls": (
        {"messages": [TURNS[0], {"role": "assistant", "content": "", "tool_calls": "[{'name': 'f'}]"}]},
        "tool_calls",
    ),
}


@pytest.mark.parametrize("kind", ["json", "csv"])
@pytest.mark.parametrize("what", PYTHON)
def test_what_python_printed_is_called_so_wherever_it_stands(tmp_path, what, kind):
    record, field = PYTHON[what]
    path = tmp_path / f"chats.{kind}"
    if kind == "json":
        path.write_text(json.dumps([record]))
    else:
        with path.open("w", newline="") as file:
            rows = csv.DictWriter(file, list(record))
            rows.writeheader()
            rows.writerow({key: held if isinstance(held, str) else json.dumps(held) for key, held in record.items()})
    (problem,) = convert(path)
    assert isinstance(problem, RowProblem) and problem.code == "python_text", problem
    assert "Python" in problem.problem and "json.dumps" in problem.fix
    assert what == "a turn" or field in problem.problem


@pytest.mark.parametrize("text", ["['a', 'b'] is a list", "[{'key': 1}]", "{'role'} is a set"])
def test_python_in_the_text_of_a_chat_is_a_text(tmp_path, text):
    path = tmp_path / "chats.json"
    path.write_text(json.dumps([{"prompt": text, "completion": text}]))
    (read,) = convert(path)
    assert isinstance(read, Conversation) and [message.content for message in read.messages] == [text, text]


def test_a_table_of_one_column_that_holds_the_turns_is_read(tmp_path):
    path = Path(tmp_path, "chats.csv")
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["messages"], [json.dumps(TURNS)]])
    (read,) = convert(path, reading=Reading())
    assert isinstance(read, Conversation) and len(read.messages) == 2
