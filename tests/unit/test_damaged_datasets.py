"""One damaged dataset hides nothing else: every list goes on around it and names it, and it can be deleted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from answers import refused, said

from ft.checks import doctor
from ft.checks.language import Languages
from ft.dataset import build, edit, sample, versions
from ft.dataset.change import deletion as without
from ft.dataset.versions import Version
from ft.ui import (
    api_data,
    chat_keep,
    data_browse_events,
    data_choice,
    data_damaged,
    data_delete,
    data_events,
    data_history,
    data_rejected,
    train,
    train_form,
)
from ft.ui.data_filters import NO_FILTERS
from ft.ui.data_shown import Shown

Damage = Callable[[Path], object]
LANGUAGES = Languages()  # loaded once
REPORT = {
    **dict.fromkeys(("read", "kept", "duplicates"), ("1", None, -1, 10**30)),
    **{name: ("x", {"a": "b"}) for name in ("rejected", "repaired", "splits")},
    **{name: ("x", [1], [{}]) for name in ("files", "problems")},
    "format": (1, None, [], {}),
    "found": ([], {"a": "b"}),
    "placeholders": ([1], {"a": []}),
    "with_placeholders": ("1",),
    "ignored": ("x", {"a": "b"}),
    "examples": ([], {"a": [{}]}, {"a": 1}),
    "added": ("1",),
}
SOURCE = {
    "created": (1, None, "yesterday", "", "0001-01-01T00:00:00+23:59", []),
    "files": ("x", [1], [{}]),
    **dict.fromkeys(("validation_fraction", "boundary"), ("x", -1)),
    "held_out": ("x", [None]),
    "edit": ([], {}),
    "edits": ("x", [1]),
    "parent": (1,),
    "combined": ("x", [1], [{}]),
    "reading": ("x", []),
}


def field(file: str, name: str, value: object) -> Damage:
    def damage(folder: Path) -> None:
        document = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({**document, name: value}))

    return damage


def without_field(file: str, name: str) -> Damage:
    def damage(folder: Path) -> None:
        document = json.loads((folder / file).read_text())
        del document[name]
        (folder / file).write_text(json.dumps(document))

    return damage


def a_folder(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()
        (folder / name / "x").write_text("x")

    return damage


def content(name: str, written: bytes) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(written)

    return damage


def gone(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def pipe(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return damage


def without_types(folder: Path) -> None:
    table = pq.read_table(folder / "conversations.parquet", partitioning=None)
    empty = {name: pa.nulls(len(table)) for name in table.column_names}
    pq.write_table(pa.table(empty), folder / "conversations.parquet")


def kinds() -> Iterator[tuple[str, Damage]]:
    for file, fields in (("report.json", REPORT), ("source.json", SOURCE)):
        for name, values in fields.items():
            for value in values:
                yield f"{file} {name} {str(value)[:30]}", field(file, name, value)
        for name in ("read", "splits", "files", "problems") if file == "report.json" else ("created", "boundary"):
            yield f"{file} without {name}", without_field(file, name)
        for written in (b"", b"{", b"[]", b"7", b"null", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b"{}"):
            yield f"{file} {written[:10]!r}", content(file, written)
        yield f"{file} a folder", a_folder(file)
        yield f"{file} gone", gone(file)
    name = "conversations.parquet"
    yield f"{name} a folder", a_folder(name)
    yield f"{name} gone", gone(name)
    yield f"{name} a pipe", pipe(name)
    for written in (b"", b"PAR1", b"garbage" * 100, b"PAR1" + bytes(100)):
        yield f"{name} {written[:10]!r} {len(written)}", content(name, written)
    yield "rejected.jsonl a folder", a_folder("rejected.jsonl")


NAMED = dict(kinds())
# Listed, for what is damaged is looked at later, or is no part of it.
TOLERATED: dict[str, Damage] = {
    "a footer of garbage": content("conversations.parquet", b"PAR1" + bytes(range(256)) + b"PAR1"),
    "columns of nothing": without_types,
    "rejected records of garbage": content("rejected.jsonl", b"\xff\xfe\n"),
    "rejected records of other types": content("rejected.jsonl", b'{"raw": 7}\n[]\n'),
    "current of garbage": lambda folder: (folder.parent / "current").write_bytes(b"\xff\xfe"),
    "current a folder": lambda folder: (folder.parent / "current").mkdir(),
    "a version of odd name": lambda folder: (folder.parent / "v0").mkdir(),
    "a file among the versions": lambda folder: (folder.parent / "v9").write_text("x"),
    "a report of tomorrow": field("report.json", "quantum", {"a": [1e300]}),
    "half of a character": field("report.json", "format", "\ud800"),
    "an unknown repair": field("report.json", "found", {"quantum": 3}),
}


@pytest.fixture
def good(home: Path) -> Version:
    return build.save(build.stage([sample.sample_file()]), "good")


def damaged(damage: Damage) -> Version:
    made = build.save(build.stage([sample.sample_file()]), "bad")
    damage(made.path)
    return made


@pytest.mark.parametrize("name", [*NAMED, *TOLERATED])
def test_a_damaged_dataset_hides_no_other_is_named_and_can_be_deleted(
    home: Path, good: Version, name: str, capsys, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(doctor, "Languages", lambda: LANGUAGES)
    before = versions.listing()[0]
    bad = damaged({**NAMED, **TOLERATED}[name])
    listed = {each["dataset"]: each for each in json.loads(orjson.dumps(api_data.datasets()))}
    assert listed.keys() == {"good", "bad"} and listed["good"] == before
    assert ("damaged" in listed["bad"]) == (name in NAMED) == ("bad" in versions.damaged())
    for words in (["datasets"], ["datasets", "--json"]):
        printed = said(capsys, *words)
        assert "good" in printed and "bad" in printed
    said(capsys, "datasets", "bad")
    assert [row[0] for row in data_history.show("good", "")[1]] == (["good"] if name in NAMED else ["good", "bad"])
    assert ("good" in {value for _, value in data_choice.choices("", [])}) and not data_history.show("good", "")[-2][
        "visible"
    ]
    assert "good" in {value for _, value in train_form.dataset_choices("bad")[0]}
    assert "good" in str(chat_keep.datasets(None)[0].choices)
    for which in ("good", "bad"):
        data_events.show(which, "", [], "")
        data_history.show(which, "")
        data_delete.ask(which, "")
        data_rejected.show(which, "", 0)
        data_browse_events.show(which, "", None, Shown())
        data_browse_events.show_again(which, "", None, Shown(filters=("x", *NO_FILTERS[1:])))
        train.arrive(train.Reader(), "", which, {})
    if len(name.split()) < 3 or name in TOLERATED:  # one wrong field is as another there
        _ask_for_all_of("bad")
    shown = data_damaged.show()
    assert shown[0].visible == (name in NAMED)
    if name in NAMED:
        assert "bad" in shown[1] and shown[2].value == "bad"
        assert not data_damaged.remove("bad")[0].visible
    else:
        assert api_data.delete("bad") == {"deleted": "bad"}
    assert not bad.path.parent.exists() and versions.find("good") == good


def _ask_for_all_of(name: str) -> None:
    for ask in (api_data.check, api_data.undo, api_data.redo, api_data.export_data, api_data.dedup):
        orjson.dumps(refused(lambda ask=ask: ask(name)))
    refused(lambda: api_data.combine(["good", name], "both"))


def test_a_good_dataset_is_not_deleted_as_a_damaged_one(good: Version):
    data_damaged.remove("good"), data_damaged.remove("../good"), data_damaged.remove(None)
    assert versions.find("good") == good


def test_a_damaged_older_version_is_one_line_of_the_history(home: Path, good: Version):
    edited = edit.apply(good, without([0]))
    assert isinstance(edited, Version)
    (good.path / "source.json").write_text("[]")
    labels = [words for words, _ in data_history.show("good", "")[0].choices]
    assert len(labels) == 2 and labels[1] == "1 · damaged" and "in use" in labels[0]
    assert data_choice.can_undo(edited) == (True, False)


def test_a_folder_in_the_place_of_current_stands_in_the_way_of_nothing(home: Path, good: Version):
    edited = edit.apply(good, without([0]))
    current = home / "datasets" / "good" / "current"
    current.mkdir()
    assert edit.undo("good") == good and edit.redo("good") == edited
    current.unlink()
    current.mkdir()
    again = edit.apply(edited, without([0]))
    assert versions.find("good") == again and not current.exists()
