"""A dataset is checked up and put right from the command line and by scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ft.cli import main
from ft.dataset import versions
from ft.ui import api_data

ROWS: list[dict[str, Any]] = [{"prompt": f"Question {n}?", "completion": f"Answer number {n}."} for n in range(56)]
ROWS += [{"prompt": "Who wrote?", "completion": f"Ada, at ada{n}@example.org, did."} for n in range(3)]
ROWS += [{"prompt": "Help?", "completion": "I'm sorry, but I can't help. Write to bob@example.org about it."}]


@pytest.fixture
def chats(home: Path, tmp_path: Path, capsys) -> versions.Version:
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    assert main(["convert", str(tmp_path / "chats.jsonl"), "--name", "chats"]) == 0
    capsys.readouterr()
    return versions.find("chats")


def printed(capsys, words: list[str], status: int = 0) -> Any:
    assert main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_findings_are_told_with_rows_masked_examples_and_the_command_that_mends_them(chats, capsys):
    done = printed(capsys, ["check", "chats"])
    found = {each["code"]: each for each in done["findings"]}
    assert found["email"]["rows"] == [57, 58, 59, 60] and found["refusals"]["rows"] == [60]
    assert "ada0@example.org" not in json.dumps(done) and (done["version"], done["fixed"]) == ("v1", [])
    assert main(["check", "chats"]) == 0
    said = capsys.readouterr().out
    assert "To redact them: sidetune check chats --fix email" in said and "Conversations 57, 58, 59, 60" in said


def test_several_fixes_make_one_version_that_can_be_undone(chats, capsys):
    done = printed(capsys, ["check", "chats", "--fix", "refusals", "--fix", "email"])
    assert (done["version"], done["kept"]) == ("v2", 59) and len(done["fixed"]) == 2
    texts = [each.messages[-1].content for each in versions.find("chats").conversations()]
    assert texts[-3:] == ["Ada, at [EMAIL], did."] * 3
    assert printed(capsys, ["undo", "chats"])["kept"] == 60


@pytest.mark.parametrize(
    ("code", "said"), [("phone", "not found"), ("contradictions", "no fix"), ("../x", "email, refusals")]
)
def test_a_fix_of_what_is_not_there_is_refused(chats, capsys, code, said):
    error = printed(capsys, ["check", "chats", "--fix", code], status=1)["error"]
    assert said in " ".join(error.values()) and versions.find("chats") == chats


def test_scripts_check_and_export(chats):
    assert {each["code"] for each in api_data.check("chats")["findings"]} >= {"email", "refusals"}
    assert api_data.check("chats", ["email"])["version"] == "v2"
    lines = Path(api_data.export_data("chats", "alpaca")).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 60 and json.loads(lines[0])["instruction"] == "Question 0?"
