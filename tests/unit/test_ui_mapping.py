"""The mapping screen for tables of one message a row: guessed, shown as chats, and read as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from formats.reading import Reading
from ft.dataset import build
from ft.ui import data_mapping

LOGS = {
    "semicolons": "Fall;Zeit;Wer;Was\n1;10:00;Kunde;Geht es?\n1;10:01;Laden;Ja.\n"
    "2;11:00;Kunde;Wann?\n2;11:01;Laden;Um neun.\n",
    "newest first": "case,when,who,body\n"
    "B-2,2024-01-01 11:01,shop,Um neun.\nB-2,2024-01-01 11:00,Kim,Wann?\n"
    "A-1,2024-01-01 10:01,shop,Ja.\nA-1,2024-01-01 10:00,Kim,Geht es?\n",
}


def opened(path: Path) -> dict[str, Any]:
    with data_mapping.gr.Blocks():
        screen = data_mapping.build()
    names = {id(part): name for name in data_mapping.Mapping.__dataclass_fields__ for part in [getattr(screen, name)]}
    updates = data_mapping.opened(path)
    assert len(updates) == data_mapping.OUTPUTS == len(data_mapping.closed()) == len(screen.shown())
    return {names[id(part)]: update for part, update in zip(screen.shown(), updates, strict=True)}


def chosen(updates: dict[str, Any]) -> list[Any]:
    with data_mapping.gr.Blocks():
        names = [
            name
            for screen in [data_mapping.build()]
            for field in screen.fields()
            for name in screen.__dataclass_fields__
            if getattr(screen, name) is field
        ]
    return [getattr(updates[name], "value", updates[name]) for name in names]


@pytest.mark.parametrize("log", LOGS)
def test_a_table_of_one_message_a_row_is_guessed_shown_and_read_as_such(home: Path, tmp_path: Path, log: str):
    path = tmp_path / "log.csv"
    path.write_text(LOGS[log])
    assert data_mapping.needed(path)
    updates = opened(path)
    assert updates["shape"] == "rows" and "--map conversation=" in updates["words"]
    visible = [updates[name].visible for name in ("pairs", "lists", "rows", "speakers")]
    assert visible == [False, False, True, True]
    assert updates["roles"].split("\n")[0].endswith(" = user") and "shop = user" not in updates["roles"]
    columns = data_mapping.columns(*chosen(updates))
    *sides, preview, _ = data_mapping.previewed([str(path)], [], *chosen(updates))
    assert [side.visible for side in sides] == visible and preview.count("<article") == 2 and "Um neun." in preview
    staged = build.stage([build.SourceFile(path, "log.csv")], reading=Reading(columns=columns))
    chats = {tuple(message.content for message in chat.messages) for chat in staged.conversations()}
    assert chats == {("Geht es?", "Ja."), ("Wann?", "Um neun.")}
    assert staged.report["repaired"]["rows_grouped"] == 2


def test_each_shape_shows_its_own_fields():
    for shape, visible in (("pairs", (1, 0, 1, 0)), ("turns", (0, 1, 0, 1)), ("rows", (0, 0, 1, 1))):
        sides = data_mapping.previewed([], [], shape, *[""] * 11)[:4]
        assert tuple(int(side.visible) for side in sides) == visible


def test_pairs_that_share_a_conversation_are_guessed_shown_and_read_as_one_chat(home: Path, tmp_path: Path):
    path = tmp_path / "log.csv"
    path.write_text("chat_id,Nr,Frage,Antwort\n1,2,Und wann?,Um neun.\n1,1,Geht es?,Ja.\n2,1,Wo?,Hier.\n")
    assert data_mapping.needed(path)
    updates = opened(path)
    assert updates["shape"] == "pairs" and updates["conversation"].value == "chat_id" and updates["order"].value == ""
    fields = [*chosen(updates)[:8], "Nr", *chosen(updates)[9:]]  # the order, chosen by hand
    *_, preview, _ = data_mapping.previewed([str(path)], [], *fields)
    assert preview.count("<article") == 2 and preview.index("Geht es?") < preview.index("Um neun.")
    reading = Reading(columns=data_mapping.columns(*fields))
    staged = build.stage([build.SourceFile(path, "log.csv")], reading=reading)
    assert [len(chat.messages) for chat in staged.conversations()] == [4, 2]
