"""A person's text is shown as text, in bubbles, tables and refusals; and all of a conversation can be seen."""

from __future__ import annotations

import re

import gradio as gr
import pytest
from markup import Elements

from formats.conversation import Conversation, Message, Origin, ToolCall
from ft.errors import UserError
from ft.ui import alerts, data_report, data_view

SHOWN = data_view.SHOWN_AT_ONCE
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'&"


def drawn(*messages: Message, tools: tuple[str, ...] = (), repairs: tuple[str, ...] = ()) -> Elements:
    return Elements(data_view.bubbles([Conversation(messages, Origin(EVIL, 3), tools, repairs)], 1))


def harmless(elements: Elements) -> bool:
    return not {"img", "script"} & set(elements.tags) and "onerror" not in elements.attributes


def test_no_part_of_a_conversation_becomes_markup():
    found = drawn(
        Message("system", EVIL),
        Message("user", EVIL),
        Message("assistant", EVIL, reasoning=EVIL, tool_calls=(ToolCall(EVIL, EVIL),)),
        Message("tool", EVIL),
        Message("assistant", EVIL, train=False),
        tools=(EVIL,),
        repairs=(EVIL,),
    )
    assert harmless(found)
    assert found.text.count(EVIL) == 11


def test_tools_reasoning_and_untrained_turns_are_seen():
    call = ToolCall("get_weather", '{"city": "Paris"}')
    text = drawn(
        Message("user", "Weather?"),
        Message("assistant", "", reasoning="I should ask.", tool_calls=(call,)),
        Message("tool", "12 degrees"),
        Message("assistant", "It is mild.", train=False),
        tools=('{"name": "get_weather"}',),
    ).text
    for seen in ("I should ask.", "get_weather", '{"city": "Paris"}', "12 degrees", "1 tool is described"):
        assert seen in text
    assert text.count("not trained on") == 1


def test_a_trained_turn_is_not_marked_as_untrained():
    assert "not trained on" not in drawn(Message("user", "a", train=False), Message("assistant", "b")).text


LONG = " ".join(f"word{n}" for n in range(200))


@pytest.mark.parametrize(
    "message",
    [
        Message("user", LONG),
        Message("assistant", "short", reasoning=LONG),
        Message("assistant", "", tool_calls=(ToolCall("look", LONG),)),
        Message("tool", LONG),
    ],
    ids=["content", "reasoning", "call", "result"],
)
def test_a_long_text_begins_with_whole_words_and_unfolds_in_one_piece_with_the_right_count(message: Message):
    html = data_view.bubbles([Conversation((message,), Origin("a", 1))], 1)
    begun = re.search(r'begun" dir="auto">([^<]*) …</div>', html)
    assert begun and LONG.startswith(f"{begun[1]} ") and SHOWN - 10 < len(begun[1]) <= SHOWN
    assert f'dir="auto">{LONG}</div>' in html
    assert f"Show the other {len(LONG) - len(begun[1]):,} characters" in html


@pytest.mark.parametrize("text", ["§" * (SHOWN + 100), "漢" * (SHOWN + 1), " " * (SHOWN + 5), "a " * SHOWN])
def test_a_text_without_words_to_cut_between_is_folded_too_and_all_of_it_is_there(text: str):
    html = data_view.bubbles([Conversation((Message("user", text),), Origin("a", 1))], 1)
    assert "<details>" in html and f'dir="auto">{text}</div>' in html


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("flour to absorb the rest", 14, "flour to …"),
        ("flour to absorb the rest", 15, "flour to absorb …"),
        ("flour to absorb the rest", 24, "flour to absorb the rest"),
        ("x" * 100, 60, "x" * 60 + " …"),
    ],
)
def test_a_shortened_text_ends_with_a_whole_word_where_there_are_words(text: str, most: int, shown: str):
    assert data_view.shortened(text, most) == shown


def test_what_is_too_long_to_draw_is_counted():
    found = drawn(Message("user", "a"), Message("assistant", "x" * (data_view.DRAWN + 1_234)))
    assert "1,234 further characters are not drawn" in found.text
    many = [Message("user", "a"), Message("assistant", "b")] * 150
    assert "100 further turns are not drawn" in drawn(*many).text


def report(**changes: object) -> dict[str, object]:
    problem = {"file": EVIL, "record": 4, "turn": 2, "field": EVIL, "code": "c", "problem": EVIL, "fix": EVIL}
    return {
        "format": "sharegpt",
        "read": 9,
        "kept": 5,
        "repaired": {EVIL: 2},
        "rejected": {"c": 4},
        "duplicates": 1,
        "splits": {"train": 4, "validation": 1},
        "problems": [problem],
        "files": [{"name": EVIL, "format": EVIL, "reason": EVIL, "read": 9, "kept": 5}],
        **changes,
    }


def test_no_part_of_a_report_becomes_markup():
    for html in (data_report.heading(EVIL, EVIL, report()), data_report.details(report())):
        found = Elements(html)
        assert harmless(found) and EVIL in found.text


def test_a_report_shows_records_before_and_after_they_were_mended():
    example = {"file": "a.json", "record": 7, "before": f"it was {EVIL}", "after": "it is well"}
    found = Elements(data_report.details(report(examples={"c": [example]})))
    assert harmless(found)
    for words in ("a.json, record 7", f"it was {EVIL}", "it is well"):
        assert words in found.text


def test_a_report_says_how_many_of_the_rejected_records_are_listed():
    assert "The first 1 of 4" in Elements(data_report.details(report())).text
    assert "The first" not in Elements(data_report.details(report(rejected={"c": 1}))).text


def test_a_dataset_without_held_out_conversations_says_what_that_costs():
    alone = report(splits={"train": 5, "validation": 0})
    assert "Nothing is held out" in Elements(data_report.heading("a", "b", alone)).text
    assert "Nothing is held out" not in Elements(data_report.heading("a", "b", report())).text


def test_a_refusal_is_read_out_and_shown_as_text():
    html = alerts.markup(UserError(EVIL, "why", "todo"))
    found = Elements(html)
    assert harmless(found) and EVIL in found.text and 'role="alert"' in html


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("turn 3", "Turn 3"),
        ("the record, turn 2", "The record, turn 2"),
        ("no dataset", "No dataset"),
        ("dataset 'faq'", "Dataset 'faq'"),
        ("photo.jpg", "photo.jpg"),
        ("the notes.txt", "the notes.txt"),
        ("learning_rate = 2", "learning_rate = 2"),
        ("recordings", "recordings"),
    ],
)
def test_a_refusal_begins_with_a_capital_but_a_name_stays_as_it_is(given: str, shown: str):
    assert f"<strong>{shown}</strong>" in alerts.markup(UserError(given, "why.", "todo.")).replace("&#x27;", "'")


@alerts.told(outputs=2)
def two(fail: bool) -> tuple[int, int]:
    if fail:
        raise UserError("given", "why.", "todo.")
    return 1, 2


@alerts.told(outputs=2)
def steps(fail: bool):
    yield 1, 2
    if fail:
        raise UserError("given", "why.", "todo.")
    yield 3, 4


@alerts.told(outputs=1)
def broken() -> int:
    raise KeyError("a bug")


def test_an_event_that_is_refused_changes_nothing_but_the_place():
    first, second, place = two(True)
    assert first == second == gr.skip()
    assert place["visible"] and "todo." in place["value"]


def test_an_event_that_succeeds_empties_the_place():
    assert two(False) == (1, 2, alerts.hidden())


def test_what_an_event_had_shown_before_it_was_refused_stays():
    assert list(steps(False)) == [(1, 2, alerts.hidden()), (3, 4, alerts.hidden())]
    shown = list(steps(True))
    assert shown[0] == (1, 2, alerts.hidden()) and shown[1][0] == gr.skip() and shown[1][2]["visible"]


def test_a_bug_is_told_where_it_happened_and_its_traceback_is_in_the_log(caplog):
    unchanged, place = broken()
    assert unchanged == gr.skip() and alerts.WENT_WRONG.given in place["value"] and "a bug'" not in place["value"]
    assert "KeyError" in caplog.text
