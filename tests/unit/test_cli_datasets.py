"""The commands that make, change and hand out datasets: what they promise to scripts and say to people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ft.cli import main
from ft.dataset import versions

CALL = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
RECORDS: list[dict[str, Any]] = [
    {"prompt": f"Question {n}?", "completion": f"I am {{{{name}}}}, answer {n}.", "topic": "x"} for n in range(12)
]
RECORDS += [{"prompt": "question 3?", "completion": "I am {{name}}, answer 3."}]
RECORDS += [
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [CALL]}]}
]
RECORDS += [{"messages": [{"role": "user", "content": "nobody answers"}]}]


@pytest.fixture
def chats(home: Path, tmp_path: Path) -> Path:
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(map(json.dumps, RECORDS)), encoding="utf-8")
    return path


@pytest.fixture
def mine(chats: Path, capsys) -> Path:
    assert main(["convert", str(chats), "--name", "mine"]) == 0
    capsys.readouterr()
    return chats


def printed(capsys, words: list[str], status: int = 0) -> Any:
    assert main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("percent", "held_out"), [("0", 0), ("50", 10)])
def test_convert_holds_out_as_much_as_is_asked_for(home, tmp_path, capsys, percent, held_out):
    rows = [[{"role": "user", "content": f"Hi {n}"}, {"role": "assistant", "content": "Yo"}] for n in range(20)]
    chats = tmp_path / "chats.jsonl"
    chats.write_text("\n".join(json.dumps({"messages": each}) for each in rows))
    assert main(["convert", str(chats), "--name", "mine", "--held-out", percent, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["splits"] == {"train": 20 - held_out, "validation": held_out}


@pytest.mark.parametrize("percent", ["-1", "51", "nan"])
def test_a_share_that_cannot_be_held_out_is_refused(chats, capsys, percent):
    assert main(["convert", str(chats), "--name", "mine", "--held-out", percent]) == 1
    assert "it is not from 0 to 50" in capsys.readouterr().err


def test_convert_tells_what_it_left_as_it_is(chats, capsys):
    assert main(["convert", str(chats), "--name", "mine"]) == 0
    said = capsys.readouterr().out
    assert "13 records with unfilled placeholders ({{name}} in 13)" in said and "topic (12)" in said


def test_convert_says_what_changed_the_meaning_and_counts_what_was_not_read(home, tmp_path, capsys):
    said = [("user", "A?"), ("assistant", "one"), ("user", ""), ("assistant", "two")]
    gap = [{"role": role, "content": text} for role, text in said]
    group = [{"role": "user", "name": name, "content": "Hi."} for name in ("Ava", "Ben")] + gap[1:2]
    keys = {f"key {n}": n + 1 for n in range(20)}
    path = tmp_path / "chats.json"
    path.write_text(json.dumps([{"messages": gap}, [{**turn, **keys} for turn in group]]))
    assert main(["convert", str(path), "--name", "mine"]) == 0
    told = capsys.readouterr().out
    assert "(cut_at_missing_turn)" in told and "1 record left unchanged; --repair names_in_text" in told
    assert "key 0 (1)" in told and "and 8 more" in told
    assert printed(capsys, ["convert", str(path), "--name", "mine"])["ignored"] == dict.fromkeys(keys, 1)
    chats = [[(m.name, m.content) for m in chat.messages] for chat in versions.find("mine").conversations()]
    assert chats == [[(None, "A?"), (None, "one")], [("Ava", "Hi."), ("Ben", "Hi."), (None, "one")]]


def test_convert_fills_placeholders_and_switches_repairs(chats, capsys):
    report = printed(capsys, ["convert", str(chats), "--name", "mine", "--fill", "name=Wick"])
    assert report["placeholders"] == {} and report["repaired"]["placeholders_filled"] == 13
    assert "I am Wick" in report["examples"]["placeholders_filled"][0]["after"]
    off = printed(
        capsys, ["convert", str(chats), "--name", "mine", "--fill", "name=x", "--no-repair", "placeholders_filled"]
    )
    assert off["placeholders"] == {"name": 13}


@pytest.mark.parametrize(
    "words", [["--repair", "everything"], ["--fill", "name"], ["--map", "prompt"], ["--map", "x=y"]]
)
def test_options_that_make_no_sense_are_refused_in_words(chats, capsys, words):
    found = printed(capsys, ["convert", str(chats), "--name", "mine", *words], status=1)
    assert found["error"]["why"] and found["error"]["todo"]


def test_convert_reads_a_table_by_the_columns_it_is_told(home, tmp_path, capsys):
    path = tmp_path / "faq.csv"
    path.write_text("Kundenfrage;Antwort vom Team\nWie?;So.\nWann?;Morgen.\n", encoding="cp1252")
    refused = printed(capsys, ["convert", str(path), "--name", "faq"], status=1)
    assert "known format" in refused["error"]["why"]
    columns = ["--map", "prompt=Kundenfrage", "--map", "reply=Antwort vom Team"]
    report = printed(capsys, ["convert", str(path), "--name", "faq", *columns])
    assert (report["kept"], report["format"]) == (2, "columns")
    assert versions.find("faq").source["reading"]["columns"]["prompt"] == "Kundenfrage"


def test_a_mended_file_of_rejected_records_continues_the_dataset(mine, tmp_path, capsys):
    (line,) = versions.find("mine").rejected_path.read_text().splitlines()
    mended = json.loads(line)
    mended["raw"] = mended["raw"].replace("}]}", '}, {"role": "assistant", "content": "I do"}]}')
    (tmp_path / "back.jsonl").write_text(json.dumps(mended))
    report = printed(capsys, ["convert", str(tmp_path / "back.jsonl"), "--name", "mine", "--mended"])
    assert (report["version"], report["read"], report["kept"], report["rejected"]) == ("v2", 15, 15, {})


def test_dedup_removes_the_same_and_undo_brings_them_back(mine, capsys):
    told = printed(capsys, ["dedup", "mine", "--dry-run"])
    assert (told["removed"], told["version"], told["groups"][0]["rows"]) == (0, "v1", [4, 13])
    done = printed(capsys, ["dedup", "mine"])
    assert (done["removed"], done["version"], done["kept"]) == (1, "v2", 13)
    assert printed(capsys, ["undo", "mine"])["kept"] == 14 and versions.find("mine").version == "v1"
    assert printed(capsys, ["redo", "mine"])["kept"] == 13
    assert "undone" in printed(capsys, ["redo", "mine"], status=1)["error"]["why"]
    assert main(["dedup", "mine", "--near", "--threshold", "0.2"]) == 0
    assert "alike" in capsys.readouterr().out
    assert printed(capsys, ["dedup", "mine", "--threshold", "7"], status=1)["error"]["given"] == "the threshold 7"


def test_combine_takes_parts_by_weight_and_limit(mine, capsys):
    main(["convert", str(mine), "--name", "other"])
    capsys.readouterr()
    report = printed(capsys, ["combine", "mine", "other@v1:0.5", "mine:max=2", "--name", "all"])
    assert [each["kept"] for each in report["files"]] == [14, 7, 2] and report["kept"] == 23
    assert main(["combine", "mine:half", "--name", "all"]) == 1
    assert "neither a weight nor a limit" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["sharegpt", "messages"])
def test_what_is_exported_converts_to_the_same_conversations(mine, tmp_path, capsys, format):
    path = tmp_path / "out.jsonl"
    done = printed(capsys, ["export-data", "mine", "--to", str(path), "--format", format])
    assert (done["written"], done["left_out"]) == (14, {})
    main(["convert", str(path), "--name", "back"])
    first, second = (list(versions.find(name).conversations()) for name in ("mine", "back"))
    assert [each.messages for each in first] == [each.messages for each in second]


@pytest.mark.parametrize("format", ["alpaca", "pairs"])
def test_what_a_format_cannot_hold_is_left_out_counted_and_kept_beside(mine, tmp_path, capsys, format):
    path = tmp_path / "out.jsonl"
    done = printed(capsys, ["export-data", "mine", "--to", str(path), "--format", format])
    assert done["written"] == 13 and sum(done["left_out"].values()) == 1
    (beside,) = Path(done["left_out_file"]).read_text().splitlines()
    assert json.loads(beside)["row"] == 14 and json.loads(beside)["reason"]
    main(["export-data", "mine", "--to", str(path), "--format", "messages"])
    assert not Path(done["left_out_file"]).exists()


def test_a_side_is_exported_as_parquet(mine, tmp_path, capsys):
    path = tmp_path / "out.parquet"
    done = printed(capsys, ["export-data", "mine", "--to", str(path), "--format", "parquet", "--split", "validation"])
    table = pq.read_table(path)
    assert done["written"] == table.num_rows == versions.find("mine").count("validation")
    assert set(table["split"].to_pylist()) == {"validation"}


def test_an_export_that_cannot_be_written_leaves_nothing_behind(mine, tmp_path, capsys):
    assert main(["export-data", "mine", "--to", str(tmp_path / "nowhere" / "out.jsonl")]) == 1
    assert "cannot export there" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chats.jsonl", "home"]
