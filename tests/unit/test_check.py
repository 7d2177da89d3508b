"""A dataset is checked up and put right from the command line and by scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ft.cli import main
from ft.dataset import versions
from ft.ui import api_data, data_checks

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
    assert found["refusals"]["fixes"] == ["delete", "untrain"] and found["email"]["fixes"] == ["redact"]
    assert found["email"]["examples"][0]["after"] == "Ada, at [EMAIL], did."
    assert "after" not in found["refusals"]["examples"][0]
    assert "ada0@example.org" not in json.dumps(done) and (done["version"], done["fixed"]) == ("v1", [])
    assert main(["check", "chats"]) == 0
    said = capsys.readouterr().out
    assert "To redact them: sidetune check chats --fix email" in said and "Conversations 57, 58, 59, 60" in said
    assert "not learnt: sidetune check chats --fix refusals=untrain" in said and "After:       Ada, at [EMAIL]" in said


def test_several_fixes_make_one_version_that_can_be_undone(chats, capsys):
    done = printed(capsys, ["check", "chats", "--fix", "refusals", "--fix", "email"])
    assert (done["version"], done["kept"]) == ("v2", 59) and len(done["fixed"]) == 2
    texts = [each.messages[-1].content for each in versions.find("chats").conversations()]
    assert texts[-3:] == ["Ada, at [EMAIL], did."] * 3
    assert printed(capsys, ["undo", "chats"])["kept"] == 60


def test_another_fix_than_the_usual_one_is_asked_for_by_name(chats, capsys):
    done = printed(capsys, ["check", "chats", "--fix", "refusals=untrain"])
    assert done["kept"] == 60 and done["fixed"] == ["1 conversation marked not to be learnt from"]
    assert not list(versions.find("chats").conversations())[59].messages[-1].train
    assert "refusals" not in {each["code"] for each in printed(capsys, ["check", "chats"])["findings"]}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("phone", "not found"),
        ("contradictions", "no fix"),
        ("../x", "email, refusals"),
        ("refusals=redact", "refusals=delete or refusals=untrain"),
        ("email=", "email=redact"),
    ],
)
def test_a_fix_of_what_is_not_there_is_refused(chats, capsys, code, said):
    error = printed(capsys, ["check", "chats", "--fix", code], status=1)["error"]
    assert said in " ".join(error.values()) and versions.find("chats") == chats


def test_scripts_check_and_export(chats):
    assert {each["code"] for each in api_data.check("chats")["findings"]} >= {"email", "refusals"}
    assert api_data.check("chats", ["email"])["version"] == "v2"
    lines = Path(api_data.export_data("chats", "alpaca")).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 60 and json.loads(lines[0])["instruction"] == "Question 0?"


def last(updates: Any) -> tuple[Any, ...]:
    """The last of each output's updates that is not a skip."""
    now: list[Any] = []
    for update in updates:
        now = [
            old if isinstance(new, dict) and set(new) == {"__type__"} else new
            for old, new in zip(now or update, update, strict=True)
        ]
    return tuple(now)


def test_after_a_fix_on_the_page_the_dataset_is_checked_again_and_what_was_ignored_stays_so(chats):
    found, *_ = last(data_checks.look("chats", ""))
    found, words, *_ = data_checks.without(found, "refusals")
    assert "1 ignored" in words
    buttons = data_checks.choose(found, "refusals")[2:4]
    assert [each.value for each in buttons] == ["Delete these conversations", "Do not learn from them"]
    (redact, other), detail = data_checks.choose(found, "email")[2:4], data_checks.choose(found, "email")[0]
    assert redact.value == "Redact them as [EMAIL]" and not other.visible and "Ada, at [EMAIL], did." in detail
    _, edited, after, _, words, there, *_ = last(data_checks.mend("chats", "", found, "email", place=0))
    assert edited and versions.find("chats").version == "v2"
    assert [each.code for each in after.findings] == ["refusals"] and after.shown() == []
    assert "Nothing else to say against it. 1 ignored" in words and not there.visible
    kept, *_ = data_checks.forget("chats", "", after)
    assert kept == {"__type__": "update"}  # what was found is of the version that is looked at now
    gone, *_ = data_checks.forget("chats", "", found)
    assert gone == data_checks.Found()


def test_a_fix_of_what_the_page_has_not_found_is_refused(chats):
    *_, place = last(data_checks.mend("chats", "", data_checks.Found(), "email", place=0))
    assert "nothing to put right" in place["value"] and versions.find("chats") == chats
