"""What a column is guessed to be: never an id, a date or a flag; and the guess is told in words that can be used."""

from __future__ import annotations

import csv
import json
import shlex
import zipfile
from pathlib import Path
from typing import Any

import pytest

from formats.cells import kind_of
from formats.columns import Columns, names
from formats.conversation import Conversation, Origin
from formats.convert import convert, convert_record
from formats.detect import detect
from formats.guess import guess
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading
from ft.cli import main

WRITTEN = ["March 2, 2024 10:11am", "2024-3-2 @10h 11m 12s", "Mon, 5 Feb 2024 11:00:00 GMT", "3. März 2024", "Jan 2024"]
KINDS = {
    "id": [["7f3a9c1e", "81bb02d4"], ["conv_1", "conv_2"], ["a@b.org", "c@d.org"], ["u-17", "u-18"]],
    "link": [["https://a.org/x", "http://b.org"]],
    "number": [["1", "2.5", "-3"], ["1e9", "7"]],
    "time": [
        ["2024-01-01 10:00", "2024-01-02T11:00:00Z"],
        ["31.12.2023", "1.1.2024"],
        ["1/31/2024 10:00 PM"],
        ["10:00", "9:59:30"],
    ],
    "flag": [["true", "False"], ["yes", "no"], ["0", "1", "1"], ["ja", "nein"]],
    "text": [
        ["How are you?", "17"],
        ["Paris", "Rome"],
        ["Yes, of course."],
        ["", "words"],
        ["B 12 is a vitamin"],
        ["1/2", "3/4"],
        ["May 5 be it", "x"],
    ],
    "": [["", " "], []],
}


@pytest.mark.parametrize(("kind", "values"), [(kind, each) for kind, cases in KINDS.items() for each in cases])
def test_what_a_column_holds_is_told_by_its_values(kind, values):
    assert kind_of(values) == kind


# Columns beside a question and an answer that are longer, come first, or have a tempting name.
TEMPTING = {
    "task_id": ["9b2e7d0c41f84a5b9e7f3c2d1a0b9e8f", "0c41f84a5b9e7f3c2d1a0b9e8f9b2e7d"],
    "user_id": ["user-000000000000000001", "user-000000000000000002"],
    "answered_at": ["2024-01-01T10:00:00.000000Z", "2024-01-02T10:00:00.000000Z"],
    "asked": ["2024-01-01 09:59:59.000000 +0000", "2024-01-02 09:59:59.000000 +0000"],
    "response_time": ["12.5", "11.75"],
    "is_bot": ["false", "true"],
    "input_url": ["https://example.org/a/long/page", "https://example.org/another/long/page"],
    "prompt_tokens": ["1200", "15"],
    "timestamp": ["2024-01-01 10:00", "2024-01-02 10:00"],
    "send_date": ["September 12, 2024 10:11am", "September 13, 2024 9:12pm"],
}


@pytest.mark.parametrize("tempting", TEMPTING)
@pytest.mark.parametrize("pair", [("Frage", "Antwort"), ("what was asked", "our words"), ("x", "y")])
def test_an_id_a_date_or_a_flag_is_never_guessed_as_prompt_or_reply(tempting, pair):
    texts = [("Wie geht es?", "Gut so."), ("Und morgen?", "Auch gut.")]
    rows = [
        {tempting: value, pair[0]: prompt, pair[1]: reply, "n": str(number)}
        for number, (value, (prompt, reply)) in enumerate(zip(TEMPTING[tempting], texts, strict=True))
    ]
    columns, _ = guess(rows)
    assert columns is not None and (columns.prompt, columns.reply) == pair


def test_where_only_ids_dates_and_flags_are_left_nothing_is_guessed():
    rows = [{key: values[number] for key, values in TEMPTING.items()} | {"words": "some text"} for number in (0, 1)]
    columns, why = guess(rows)
    assert columns is None and "two columns of text" in why


@pytest.mark.parametrize("tempting", TEMPTING)
def test_an_id_a_date_or_a_flag_of_turns_is_no_text_and_no_speaker(tempting):
    first, last = TEMPTING[tempting]
    said = [("Ann", "Hi"), ("Bot", "Hello you"), ("Ann", "Well"), ("Bot", "Yes?")] * 2
    turns = [{tempting: (first, last)[n % 2], "who": who, "txt": text} for n, (who, text) in enumerate(said)]
    columns, _ = guess([{"log": turns}])
    assert columns is not None and (columns.turns, columns.role, columns.text) == ("log", "who", "txt")


def test_a_column_of_few_words_again_and_again_is_no_prompt():
    rows = [{"name": ("Old Tom", "Mira B")[n % 2], "mood": "calm and well", "mes": f"Sentence {n}"} for n in range(6)]
    assert guess(rows)[0] is None
    assert guess([{**row, "what else": f"Another one, {n}"} for n, row in enumerate(rows)])[0].reply == "what else"


def test_a_number_or_a_flag_may_be_the_answer_where_the_column_is_called_so():
    for answers in (("4", "9"), ("yes", "no")):
        rows = [{"Frage": "Wie viel?", "Answer": answer, "note": "a longer note on it"} for answer in answers]
        assert guess(rows)[0].reply == "Answer"


LOG = [
    {
        "Fall": f"F-{n // 4}",
        "Zeit": f"2024-01-01 10:{n:02}",
        "Absender": ("Kunde", "Berater")[n % 2],
        "Nachricht": f"Text {n}",
    }
    for n in range(12)
]


@pytest.mark.parametrize(
    "rename",
    [
        {},
        {"Fall": "Ticket", "Absender": "Who", "Nachricht": "body", "Zeit": "when"},
        {"Fall": "case no", "Absender": "agent or customer", "Nachricht": "said", "Zeit": "date"},
    ],
)
def test_rows_of_one_message_are_guessed_as_such(rename, tmp_path):
    rows = [{rename.get(key, key): value for key, value in row.items()} for row in LOG]
    columns, why = guess(rows)
    expected = [rename.get(name, name) for name in ("Fall", "Zeit", "Absender", "Nachricht")]
    assert [columns.conversation, columns.order, columns.role, columns.text] == expected
    assert columns.roles == {"Kunde": "user", "Berater": "assistant"} and "one message" in why
    path = tmp_path / "log.json"
    path.write_text(json.dumps(rows))
    chats = list(convert(path, reading=Reading(columns=columns)))
    assert len(chats) == 3 and all(isinstance(each, Conversation) and len(each.messages) == 4 for each in chats)


def test_rows_of_pairs_are_not_guessed_to_be_messages():
    rows = [{"Fall": n, "Frage": f"Wie {n}?", "Antwort": f"So {n}.", "Absender": "Web"} for n in range(9)]
    assert guess(rows)[0].prompt == "Frage"


def test_columns_are_named_as_they_are_written():
    rows = [{"Zeit": "1", "Meine Frage": "Wie?", "B": "So."}]
    assert detect(rows).reason == "the records hold keys Zeit, Meine Frage, B"
    problem = convert_record(rows[0], Origin("f", 1))
    assert isinstance(problem, RowProblem) and "keys Zeit, Meine Frage, B" in problem.problem
    assert names(rows) == ["Zeit", "Meine Frage", "B"]


@pytest.mark.parametrize("wrong", ["frage", "FRAGE", "Frage "])
def test_a_column_in_another_case_is_named_with_the_one_that_is_meant(tmp_path, wrong):
    path = tmp_path / "faq.json"
    path.write_text(json.dumps([{"Frage": "Wie?", "Antwort": "So."}]))
    (problem,) = convert(path, reading=Reading(columns=Columns(prompt=wrong, reply="Antwort")))
    assert problem.code == "no_column" and "Frage" in problem.fix
    (problem,) = convert(path, reading=Reading(columns=Columns(turns="antwort")))
    assert problem.code == "no_column" and "Antwort" in problem.fix


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


FILES = {
    "pairs": [{"ID": n, "Meine Frage": f"Wie {n}?", "Antwort des Bots": f"So {n}."} for n in range(3)],
    "names with marks": [{"What's asked?": f"How {n}?", "The $ reply": f"So {n}."} for n in range(3)],
    "messages": LOG,
    "turns": [{"log": json.dumps([{"who": "Ann", "txt": "Hi"}, {"who": "Bot", "txt": "Hello"}])}] * 3,
}


@pytest.mark.parametrize("name", FILES)
def test_the_command_line_tells_a_line_that_reads_the_file(name, home, tmp_path, capsys):
    path = table(tmp_path / "faq.csv", [{"n": n, **row} for n, row in enumerate(FILES[name])])
    assert main(["convert", str(path), "--name", "faq", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert all(column in error["todo"] for column in FILES[name][0])
    line = shlex.split(error["todo"][error["todo"].index("--map") :])
    assert main(["convert", str(path), "--name", "faq", *line]) == 0


def test_the_command_line_says_so_where_nothing_can_be_guessed(home, tmp_path, capsys):
    path = table(tmp_path / "numbers.csv", [{"Zahl": n, "Datum": "2024-01-01"} for n in range(3)])
    assert main(["convert", str(path), "--name", "numbers"]) == 1
    shown = capsys.readouterr().err
    assert "Zahl, Datum" in shown and "--map prompt=COLUMN" in shown


def test_a_failure_that_is_not_the_file_s_keeps_its_own_advice(home, tmp_path, capsys):
    path = table(tmp_path / "faq.csv", FILES["pairs"])
    (home / "datasets").write_text("a file where the folder of datasets belongs")
    assert main(["convert", str(path), "--name", "faq"]) == 1
    shown = capsys.readouterr().err
    assert "SIDETUNE_HOME" in shown and "--map" not in shown


def test_columns_that_were_chosen_for_one_file_leave_others_as_they_are(home, tmp_path):
    chosen = Columns(prompt="Frage", reply="Antwort")
    (tmp_path / "faq.csv").write_text("Frage,Antwort\nWo?,Hier.\n")
    turns = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
    chats = [json.dumps({"conversations": turns})] * 300
    (tmp_path / "chats.jsonl").write_text("\n".join(chats))
    rows = [{"conversation_id": 1, "role": turn["from"], "content": turn["value"]} for turn in turns]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as file:
        for name in ("faq.csv", "chats.jsonl", "rows.json"):
            file.write(tmp_path / name, name)
    for columns in (chosen, Columns(conversation="Fall", role="Wer", text="Was"), Columns(turns="Frage.turns")):
        found = list(convert(tmp_path / "chats.jsonl", reading=Reading(columns=columns)))
        assert len(found) == 300 and all(isinstance(each, Conversation) for each in found)
        (grouped,) = convert(tmp_path / "rows.json", reading=Reading(columns=columns))
        assert [message.content for message in grouped.messages] == ["Hi", "Hello"]
    notes = Notes()
    kept = list(convert(tmp_path / "both.zip", reading=Reading(columns=chosen), notes=notes))
    assert len(kept) == 302 and all(isinstance(each, Conversation) for each in kept)
    assert [(each.format, "none of the columns" in each.reason) for each in notes.formats.values()] == [
        ("columns", False),
        ("sharegpt", True),
        ("messages", True),
    ]


def test_a_column_that_some_records_lack_is_still_asked_for(tmp_path):
    (tmp_path / "f.jsonl").write_text('{"Frage": "Wo?", "Antwort": "Hier."}\n{"prompt": "a", "completion": "b"}\n')
    _, second = convert(tmp_path / "f.jsonl", reading=Reading(columns=Columns(prompt="Frage", reply="Antwort")))
    assert second.code == "no_column"


@pytest.mark.parametrize("labels", [("customer", "agent", "bot"), ("inbound", "outbound", "inbound")])
def test_a_column_of_single_words_of_which_some_come_again_is_no_prompt(labels):
    rows = [{"who": labels[n % 3], "body": f"Sentence {n}"} for n in range(5)]
    assert guess(rows)[0] is None


GEMINI = [
    {
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Hello "}, {"text": "you"}]},
        ]
    }
]


def test_turns_whose_texts_are_parts_are_guessed_and_read():
    columns, _ = guess(GEMINI)
    assert columns is not None and (columns.turns, columns.role, columns.text) == ("contents", "role", "parts")
    assert columns.roles["model"] == "assistant"
    found = convert_record(GEMINI[0], Origin("f", 1), Reading(columns=columns))
    assert [message.content for message in found.messages] == ["Hi", "Hello you"]


@pytest.mark.parametrize("kind", ["type", "kind", "channel", "content_type"])
def test_the_kind_of_a_turn_is_never_its_text(kind):
    turns = [{kind: "single step", "role": ("user", "assistant")[n % 2], "said": [f"Text {n}"]} for n in range(4)]
    columns, _ = guess([{"steps": turns}])
    assert columns is not None and columns.text == "said"


@pytest.mark.parametrize("ends", [("_a", "_b"), ("_1", "_2"), ("A", "B"), ("_left", "_right")])
def test_of_two_lists_to_choose_from_none_is_guessed(ends):
    chat = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    columns, why = guess([{f"conversation{end}": chat for end in ends} | {"winner": "model_b"}])
    assert columns is None and f"conversation{ends[0]} and conversation{ends[1]}" in why


@pytest.mark.parametrize(
    "rows",
    [
        [{"role": role, "content": "some words"} for role in ("user", "assistant")],
        [{"body": "some words"}, {"body": "other words"}],
        [{"chat_a": [{"role": "user", "content": "Q"}], "chat_b": [{"role": "user", "content": "Q"}]}],
    ],
)
def test_no_columns_are_asked_for_that_the_file_cannot_have(home, tmp_path, capsys, rows):
    path = tmp_path / "f.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    main(["convert", str(path), "--name", "x"])
    said = capsys.readouterr()
    assert "COLUMN" not in said.out + said.err
