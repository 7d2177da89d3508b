"""The Data tab's events with real files, a real home and no browser."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
import pytest
from data_tab import HOW, refused, save, shown, upload, write

from ft.dataset import build, edit, versions
from ft.dataset.change import deletion
from ft.dataset.staging import staging_dir
from ft.ui import app, data_change, data_choice, data_events, data_history, data_mapping


def test_a_refusal_stays_where_what_is_looked_at_is_drawn_late():
    """A file may be dropped before the page has drawn what it came with."""
    events = app.build().fns.values()

    def places(*names: str) -> set[int]:
        found = [event for event in events if event.name in names]
        assert {event.name for event in found} == set(names)
        return {each._id for event in found for each in event.outputs if "refusal" in (each.elem_classes or ())}

    drawn, refused = places("show"), places("stage", "save", "hold_out")
    assert drawn and refused and not drawn & refused


def test_with_nothing_there_the_sample_is_offered(home: Path):
    view = shown("", "")
    assert view["empty"].visible and not view["main"].visible and not view["there"].visible
    assert "sample" in view["welcome"]


def test_an_upload_is_read_and_shown_before_it_is_saved(home: Path, tmp_path: Path):
    view = shown("", upload(tmp_path))
    assert view["main"].visible and view["saving"].visible and not view["go_on"].visible
    assert "my chats.jsonl" in view["heading"] and "not saved yet. Format: OpenAI messages." in view["heading"]
    assert "OpenAI messages" in view["details"] and "nothing to learn" in view["details"]
    assert (view["name"].value, view["named"]) == ("my-chats", "my chats.jsonl")
    assert shown("", upload(tmp_path), "my chats.jsonl")["name"] == gr.skip()  # what was typed since stays
    assert versions.list_datasets() == []


def test_the_rejected_records_can_be_downloaded(home: Path, tmp_path: Path):
    view = shown("", upload(tmp_path))
    copy = Path(view["rejected"].value if isinstance(view["rejected"].value, str) else view["rejected"].value["path"])
    assert json.loads(copy.read_text(encoding="utf-8"))["code"] == "no_reply"
    assert home not in copy.parents


def test_saving_makes_a_dataset_and_chooses_it(home: Path, tmp_path: Path):
    upload_id = upload(tmp_path)
    left, _, dataset, files, *_, place = save(upload_id, " my-chats ")
    assert (left, dataset, files) == ("", "my-chats", None) and not refused(place)
    assert versions.find("my-chats").count() == 12
    view = shown("my-chats", "")
    assert view["go_on"].visible and not view["saving"].visible and "Version 1" in view["heading"]
    assert view["mend"].visible and "Mend 1 rejected record" in view["mend"].value


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 65])
def test_a_name_that_cannot_be_used_is_refused_and_the_upload_stays(home: Path, tmp_path: Path, name: str):
    upload_id = upload(tmp_path)
    *_, place = save(upload_id, name)
    assert "my-chats" in refused(place)
    assert data_choice.upload_of(upload_id) is not None


def test_a_file_that_cannot_be_used_is_refused_and_the_upload_before_it_stays(home: Path, tmp_path: Path):
    before = upload(tmp_path)
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8)
    last = list(data_events.stage([str(picture)], [], *HOW, 10, before, []))[-1]
    assert "photo.jpg" in refused(last[4]) and last[0] == gr.skip()
    assert data_choice.upload_of(before) is not None


def test_what_was_changed_is_not_lost_when_the_files_are_read_again(home: Path, tmp_path: Path):
    first = upload(tmp_path)
    changed, _ = data_change.applied("", first, deletion([0]))
    again = upload(tmp_path, before=changed)
    assert shown(data_choice.UPLOAD, again)["undo"].interactive
    back, edited, place = data_events.undo("", data_choice.UPLOAD, again)
    assert back == changed and edited and not refused(place)
    assert build.open_staged(back).report["kept"] == 11 and "Conversation 1 deleted" in shown("", back)["heading"]
    assert data_events.undo("", data_choice.UPLOAD, back)[0] == first
    assert "nothing to go back" in refused(data_events.undo("", data_choice.UPLOAD, first)[-1])
    assert data_events.redo("", data_choice.UPLOAD, first)[0] == changed
    save(changed, "chats")
    assert list(staging_dir().iterdir()) == []
    assert "made from my chats.jsonl; conversation 1 deleted" in data_history.show("chats", "")[0].choices[0][0]


def test_reading_again_without_the_files_says_so(home: Path, tmp_path: Path):
    *_, last = data_events.again(None, [], *HOW, 10, upload(tmp_path), [])
    assert "Bring them again" in refused(last[4]) and last[0] == gr.skip()


def test_another_share_is_held_out_without_reading_again(home: Path, tmp_path: Path):
    changed, _ = data_change.applied("", upload(tmp_path), deletion([0]))
    split, place = data_events.hold_out(25, changed)
    report = build.open_staged(split).report
    assert report["splits"] == {"train": 8, "validation": 3} and not refused(place)
    assert data_events.undo("", data_choice.UPLOAD, split)[0] == changed
    assert data_events.hold_out(25, split)[0] == gr.skip() and data_events.hold_out(25, "")[0] == gr.skip()
    save(split, "chats")
    assert versions.find("chats").count("validation") == 3


def test_a_name_that_is_taken_is_asked_about_before_anything_is_replaced(home: Path, tmp_path: Path):
    save(upload(tmp_path), "chats")
    waiting = upload(tmp_path, "chats.jsonl")
    assert shown("", waiting)["name"].value == "chats-2"
    with pytest.warns(UserWarning, match="a dataset chats with 12 conversations"):
        *_, agreed, _, button, place = save(waiting, "chats")
    assert button.value == "Save as version 2 of chats" and agreed == "chats" and not refused(place)
    assert versions.find("chats").version == "v1"
    assert save(waiting, "chats", agreed)[2] == "chats" and versions.find("chats").version == "v2"


def test_discarding_leaves_nothing(home: Path, tmp_path: Path):
    assert data_events.discard(upload(tmp_path), []) == ("", [], None, [], "")
    assert list(staging_dir().iterdir()) == []
    assert data_events.discard("no-such-upload", []) == ("", [], None, [], "")


def test_the_upload_is_listed_first_and_can_be_gone_back_to(home: Path, tmp_path: Path):
    save(upload(tmp_path), "first")
    waiting = upload(tmp_path, "second.jsonl")
    assert [value for _, value in data_choice.choices(waiting, [])] == [data_choice.UPLOAD, "first"]
    assert shown("first", waiting)["there"].value == "first"
    assert shown(data_events.choose(data_choice.UPLOAD, waiting, [])[0], waiting)["there"].value == data_choice.UPLOAD


def test_a_dataset_that_is_gone_is_said_and_the_others_stay_to_choose(home: Path, tmp_path: Path):
    save(upload(tmp_path), "first")
    view = shown("lost", "")
    assert "lost" in refused(view["trouble"]) and not view["main"].visible
    assert view["there"].visible and view["there"].value is None


def test_undo_and_redo_are_offered_where_there_is_something_to_undo(home: Path, tmp_path: Path):
    save(upload(tmp_path), "chats")
    view = shown("chats", "")
    assert not view["undo"].interactive and not view["redo"].interactive
    edit.apply(versions.find("chats"), deletion([0]))
    view = shown("chats", "")
    assert view["undo"].interactive and "conversation 1 deleted" in view["heading"] and "Version 2" in view["heading"]
    *_, place = data_events.undo("chats", "chats", "")
    view = shown("chats", "")
    assert view["redo"].interactive and "Version 1" in view["heading"] and not refused(place)
    assert "nothing to undo" in refused(data_events.undo("", "chats", "")[-1])
    data_events.redo("", "chats", "")
    assert "Version 2" in shown("chats", "")["heading"]


def test_train_on_it_chooses_what_is_looked_at(home: Path):
    assert data_events.train_on("", "newest")[0] == "newest"
    dataset, tabs = data_events.train_on("chosen", "chosen")
    assert dataset == "chosen" and tabs.selected == "train"


def test_the_sample_is_read_as_what_it_is(home: Path):
    last = list(data_events.stage_sample(10, "", []))[-1]
    upload = data_choice.upload_of(last[0])
    assert upload is not None and upload.report["kept"] >= 20 and last[-2:] == (None, [])


FAQ = "Frage;Antwort\nWie?;So.\nWann?;Morgen.\n"


def test_a_file_in_no_known_format_opens_the_mapping_screen_with_a_guess_and_a_preview(home: Path, tmp_path: Path):
    (tmp_path / "faq.csv").write_text(FAQ)
    (update,) = data_events.stage([str(tmp_path / "faq.csv")], [], *HOW, 10, "", [])
    box, words, shape, prompt, reply, *_, preview = update[5:]
    assert box.visible and "Which column is what" in words and shape == "pairs"
    assert (prompt.value, reply.value) == ("Frage", "Antwort") and preview.count("<article") == 2
    columns, place = data_events.by_columns("pairs", "Frage", "Antwort", *[""] * 9)
    assert not refused(place)
    last = list(data_events.stage([str(tmp_path / "faq.csv")], [], *HOW[:3], columns, 10, "", []))[-1]
    assert data_choice.upload_of(last[0]).report["kept"] == 2 and not last[5].visible


def test_the_mapping_screen_shows_what_other_columns_make_of_the_records(home: Path, tmp_path: Path):
    file = write(tmp_path / "log.jsonl", {"log": [{"who": "Ann", "txt": "a"}, {"who": "Bot", "txt": "b"}], "x": "y"})
    turns = ("turns", *[""] * 5, "log", "", "", "who", "txt")
    *_, shown, place = data_mapping.previewed([file], [], *turns, "Ann = user\nBot = assistant")
    assert "Assistant" in shown and not refused(place)
    *_, shown, place = data_mapping.previewed([file], [], "pairs", "x", *[""] * 10)
    assert "prompt and a reply" in shown and "note" in shown and not refused(place)
    *_, shown, place = data_mapping.previewed([file], [], *turns, "Ann = wizard")
    assert "no role" in shown
    *_, place = data_events.by_columns("pairs", "x", "x", *[""] * 9)
    assert "cannot be both" in refused(place)


def test_a_column_of_thoughts_is_guessed_as_the_reasoning_and_drawn_as_such(home: Path, tmp_path: Path):
    record = {"the request": "Where?", "thinking": "Let me see.", "what was said": "Here."}
    file = write(tmp_path / "log.jsonl", record, record)
    (update,) = data_events.stage([file], [], *HOW, 10, "", [])
    _, _, shape, prompt, reply, input, system, reasoning, *_, preview = update[5:]
    assert (reply.value, reasoning.value) == ("what was said", "thinking")
    assert preview.count("<summary>Reasoning</summary>") == 2
    chosen = (shape, prompt.value, reply.value, input.value, system.value, reasoning.value, *[""] * 6)
    columns, place = data_events.by_columns(*chosen)
    last = list(data_events.stage([file], [], *HOW[:3], columns, 10, "", []))[-1]
    (first, _) = data_choice.upload_of(last[0]).conversations()
    assert not refused(place) and (first.messages[1].content, first.messages[1].reasoning) == ("Here.", "Let me see.")


def test_placeholders_and_repairs_are_read_as_the_fields_say(home: Path, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", {"prompt": "Who?", "completion": "I am {{name}}."}, {"prompt": "a", "answer": 3})
    off = [code for code in HOW[1] if code != "number_as_text"]
    last = list(data_events.stage([file], [], "auto", off, "{{name}} = Wick", None, 0, "", []))[-1]
    upload = data_choice.upload_of(last[0])
    assert [chat.messages[1].content for chat in upload.conversations()] == ["I am Wick."]
    assert upload.report["rejected"] == {"number_as_text": 1}
    last = list(data_events.stage([file], [], *HOW[:2], "no equals sign", None, 0, "", []))[-1]
    assert "placeholder" in refused(last[4])


def test_a_version_that_was_chosen_stays_chosen_where_the_same_versions_are_drawn_once_more(home, tmp_path):
    save(upload(tmp_path), "chats")
    edit.apply(versions.find("chats"), deletion([0]))
    *updates, drawn = data_history.show("chats", "")
    assert updates[0].value == "v2" and len(updates[0].choices) == 2
    again = data_history.show("chats", "", drawn)
    assert len(again) == len(updates) + 1 and all(update == gr.skip() for update in again)
    versions.use(versions.find("chats@v1"))
    assert data_history.show("chats", "", drawn)[0].value == "v1"


def test_datasets_are_combined_as_the_table_says(home, tmp_path):
    for name in ("first", "second"):
        save(upload(tmp_path), name)
    _, rows, *_ = data_history.show("first", "")
    assert [row[::2] for row in rows] == [["first", 1], ["second", 0]]
    kept = rows[0][1]
    *_, place = data_history.combined("first", "", rows, "both")
    assert "nothing to combine it with" in place["value"]
    rows[1][2:] = ["2", ""]
    name, _ = data_history.combined("first", "", rows, " both ")
    assert name == "both" and kept < versions.find("both").count() <= 3 * kept
    assert "combined from first v1 and second v1" in data_history.show("both", "")[0].choices[0][0]
    *_, place = data_history.combined("first", "", rows, "both")
    assert "there is a dataset of that name" in place["value"]
    rows[1][2:] = ["much", None]
    *_, place = data_history.combined("first", "", rows, "three")
    assert "is not a number" in place["value"]
