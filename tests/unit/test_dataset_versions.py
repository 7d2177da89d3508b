"""Datasets on disk: named, numbered, never changed; what was held out stays held out."""

from __future__ import annotations

import hashlib
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ft.cli import main
from ft.dataset import build, sample, versions
from ft.dataset.split import opening
from ft.errors import UserError
from ft.home import datasets_dir


def stage(folder: Path, questions: list[str], fraction: float = 0.1) -> build.Staged:
    path = folder / "chats.jsonl"
    lines = [json.dumps({"instruction": question, "output": "An answer"}) for question in questions]
    path.write_text("\n".join(lines), encoding="utf-8")
    return build.stage([build.SourceFile(path, path.name)], validation_fraction=fraction)


def sums(folder: Path) -> dict[str, str]:
    """Every file under `folder` with the hash of its content."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file can grow past `size` bytes: writes then fail as they do on a full disk (EFBIG in place of ENOSPC)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_saving_to_a_name_again_makes_the_next_version_and_leaves_the_first_as_it_was(home, tmp_path):
    assert versions.next_version("mine") == "v1"
    first = build.save(stage(tmp_path, ["One", "Two"]), "mine")
    before = sums(first.path)
    second = build.save(stage(tmp_path, ["One", "Two", "Three"]), "mine")
    assert (first.version, second.version) == ("v1", "v2")
    assert sums(first.path) == before
    assert [each.version for each in versions.list_versions("mine")] == ["v2", "v1"]
    assert versions.find("mine") == second
    assert versions.find("mine@v1") == first
    assert second.report["dataset"] == "mine" and second.report["version"] == "v2"
    assert versions.next_version("mine") == "v3"


def test_version_ten_is_newer_than_version_nine(home, tmp_path):
    for _ in range(10):
        build.save(stage(tmp_path, ["One"]), "mine")
    assert versions.find("mine").version == "v10"


def test_counts_are_those_of_the_conversations(home, tmp_path):
    version = build.save(stage(tmp_path, [f"Question {n}" for n in range(50)], 0.3), "mine")
    for split in (None, "train", "validation"):
        assert version.count(split) == len(list(version.conversations(split))) > 0


def test_an_unknown_dataset_or_version_is_named_with_what_there_is(home, tmp_path):
    with pytest.raises(UserError, match="sidetune convert FILE --name mine"):
        versions.find("mine")
    build.save(stage(tmp_path, ["One"]), "mine")
    with pytest.raises(UserError, match="Use one of: mine"):
        versions.find("yours")
    with pytest.raises(UserError, match="Use one of: v1"):
        versions.find("mine@v7")
    for odd in ("", "@v1", "../mine", ".staging", "mine@", "mine@../v1"):
        with pytest.raises(UserError):
            versions.find(odd)


@pytest.mark.parametrize("name", ["a", "My-chats_2.v3", "9", "x" * 64])
def test_a_good_name_is_accepted(name):
    versions.check_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", ".staging", "a/b", "a b", "a@v1", "é", "x" * 65, "a\n", "-x", "a\\b"])
def test_a_name_that_could_leave_the_folder_or_confuse_a_shell_is_refused(home, tmp_path, name):
    with pytest.raises(UserError):
        versions.check_name(name)
    staged = stage(tmp_path, ["One"])
    with pytest.raises(UserError):
        build.save(staged, name)
    assert staged.path.is_dir()


def test_the_list_holds_the_newest_version_of_each_dataset_newest_first(home, tmp_path):
    assert versions.list_datasets() == []
    build.save(stage(tmp_path, ["One"]), "first")
    build.save(stage(tmp_path, ["One"]), "second")
    third = build.save(stage(tmp_path, ["One", "Two"]), "first")
    assert [(each.name, each.version) for each in versions.list_datasets()] == [("first", "v2"), ("second", "v1")]
    entry = versions.listing()[0]
    assert entry["dataset"] == "first" and entry["versions"] == ["v2", "v1"] and entry["kept"] == 2
    assert versions.details(third) == {**third.report, "created": entry["created"], "versions": ["v2", "v1"]}


def test_a_half_copied_version_is_not_listed_and_its_number_is_not_taken_again(home, tmp_path):
    build.save(stage(tmp_path, ["One"]), "mine")
    (datasets_dir() / "mine" / "v2").mkdir()
    assert [each.version for each in versions.list_versions("mine")] == ["v1"]
    assert build.save(stage(tmp_path, ["One"]), "mine").version == "v3"


def test_a_damaged_report_is_an_error_that_names_the_file(home, tmp_path):
    version = build.save(stage(tmp_path, ["One"]), "mine")
    (version.path / "report.json").write_text("{")
    with pytest.raises(UserError, match=r"report\.json"):
        _ = version.report


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_damaged_dataset_is_told_and_does_not_hide_the_others(home, tmp_path, capsys, content):
    build.save(stage(tmp_path, ["One"]), "whole")
    broken = build.save(stage(tmp_path, ["One"]), "broken")
    (broken.path / "report.json").write_text(content)
    assert [each["dataset"] for each in versions.listing()] == ["whole"]
    assert [str(broken.path) in str(damage) for damage in versions.damaged().values()] == [True]
    assert main(["datasets"]) == 0
    printed = capsys.readouterr()
    assert "whole" in printed.out and "broken" in printed.err


def test_damaged_conversations_are_an_error_that_names_the_file(home, tmp_path):
    version = build.save(stage(tmp_path, ["One"]), "mine")
    path = version.path / "conversations.parquet"
    for content in (path.read_bytes()[:100], b"", None):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(UserError, match=r"conversations\.parquet.*cannot be read"):
            list(version.conversations())


def held_out(version: versions.Version) -> set[str]:
    return {opening(conversation) for conversation in version.conversations("validation")}


def test_what_was_held_out_once_stays_held_out_in_every_later_version(home, tmp_path):
    questions = [f"Question {number}" for number in range(200)]
    first = build.save(stage(tmp_path, questions, 0.4), "mine")
    second = build.save(stage(tmp_path, questions[:150], 0.05), "mine")
    third = build.save(stage(tmp_path, questions, 0.05), "mine")
    assert held_out(second) == {each for each in held_out(first) if int(each.split()[1]) < 150}
    assert held_out(third) == held_out(first)
    assert third.count("validation") == len(held_out(first)) == third.report["splits"]["validation"]
    fresh = build.save(stage(tmp_path, questions, 0.05), "other")
    assert len(held_out(fresh)) < len(held_out(first)) / 2


def test_the_one_conversation_held_out_of_a_small_dataset_stays_out_when_it_grows(home, tmp_path):
    small = build.save(stage(tmp_path, ["Red", "Green", "Blue"]), "mine")
    grown = build.save(stage(tmp_path, ["Red", "Green", "Blue", *(f"Question {n}" for n in range(100))]), "mine")
    assert len(held_out(small)) == 1
    assert held_out(small) <= held_out(grown)


def test_a_later_version_always_has_something_to_train_on(home, tmp_path):
    first = build.save(stage(tmp_path, ["Red", "Green", "Blue"]), "mine")
    (out,) = held_out(first)
    assert build.save(stage(tmp_path, [out]), "mine").count("train") == 1


def test_a_full_disk_while_converting_is_told_and_everything_that_was_there_stays(home, tmp_path):
    build.save(stage(tmp_path, ["One", "Two"]), "mine")
    before = sums(datasets_dir())
    path = tmp_path / "big.jsonl"
    lines = (
        json.dumps(
            {"instruction": hashlib.sha256(str(n).encode()).hexdigest(), "output": hashlib.md5(b"%d" % n).hexdigest()}
        )
        for n in range(3000)
    )
    path.write_text("\n".join(lines))
    with files_of_at_most(50_000), pytest.raises(UserError, match="Free some room"):
        build.stage([build.SourceFile(path, path.name)])
    assert sums(datasets_dir()) == before
    assert list((datasets_dir() / ".staging").iterdir()) == []


def test_a_full_disk_while_saving_is_told_and_the_upload_can_be_saved_later(home, tmp_path):
    build.save(stage(tmp_path, ["One", "Two"]), "mine")
    staged = stage(tmp_path, ["Three", "Four"])
    before = sums(datasets_dir())
    for name in ("mine", "new"):
        with files_of_at_most(10), pytest.raises(UserError, match="Free some room"):
            build.save(staged, name)
    assert sums(datasets_dir()) == before
    assert not (datasets_dir() / "new").exists()
    assert build.save(build.open_staged(staged.id), "mine").version == "v2"


def test_the_bundled_sample_converts_without_a_rejected_record_and_has_both_sides(home):
    version = build.save(build.stage([sample.sample_file()]), sample.SAMPLE_NAME)
    assert version.report["rejected"] == {}
    assert version.count("train") > 0 and version.count("validation") > 0
