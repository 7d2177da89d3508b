"""The split: by opening, the same everywhere, and no side of a small dataset empty."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.conversation import Conversation, Message, Origin, Role
from ft.dataset.split import boundary, normalised, opening, position, side


def chat(*turns: tuple[Role, str]) -> Conversation:
    return Conversation(tuple(Message(role, text) for role, text in turns), Origin("a.json", 1))


def test_the_opening_is_the_first_user_turn_without_case_and_spacing():
    conversation = chat(("system", "Be kind"), ("user", "  Hello\n  THERE "), ("assistant", "Hi"), ("user", "more"))
    assert opening(conversation) == "hello there"


def test_without_a_user_turn_the_opening_is_the_first_turn_that_is_no_system_turn():
    assert opening(chat(("system", "Be kind"), ("assistant", "Welcome"))) == "welcome"


def test_the_same_opening_lands_on_the_same_side_whatever_follows():
    one = chat(("user", "Hello there"), ("assistant", "Hi"))
    other = chat(("system", "x"), ("user", "hello   THERE"), ("assistant", "Something else"))
    assert position(one) == position(other)
    assert {side(one, place / 100) == side(other, place / 100) for place in range(100)} == {True}


def test_a_position_is_the_same_on_every_machine_and_in_every_release():
    """What was held out must stay so: this number (by `printf 'hello there' | sha256sum`) may never change."""
    assert position(chat(("user", "Hello there"), ("assistant", "Hi"))) == 0.0726554397118907


def test_about_the_asked_share_is_held_out():
    chats = [chat(("user", f"Question {number}"), ("assistant", "Answer")) for number in range(2000)]
    held_out = sum(side(each, 0.1) == "validation" for each in chats)
    assert 150 < held_out < 250


@pytest.mark.parametrize(
    ("places", "fraction", "held_out"),
    [
        ([0.05, 0.5, 0.9], 0.1, 1),
        ([0.3, 0.5, 0.9], 0.1, 1),  # none falls below: the closest one is held out
        ([0.01, 0.02], 0.1, 1),  # all fall below: the furthest one is trained on
        ([number / 60 for number in range(60)], 0.1, 6),
        ([0.5 + number / 200 for number in range(60)], 0.1, 6),  # wherever the hashes lie
        ([0.3], 0.1, 0),  # one opening cannot be shared out
        ([0.01], 0.1, 0),
        ([0.01, 0.9], 0.0, 0),  # nothing was to be held out
        ([number / 1000 for number in range(1000)], 0.1, 100),
        ([0.5 + number / 2000 for number in range(1000)], 0.001, 1),
    ],
)
def test_a_small_dataset_holds_out_the_asked_share_and_neither_side_is_empty(places, fraction, held_out):
    edge = boundary(fraction, places)
    assert sum(place < edge for place in places) == held_out


_WORDS = st.text() | st.text(st.sampled_from("aBé Éß\u00a0\t\n\x1c\u017f文“”İ\u3000\ud800"))


@given(_WORDS, st.sampled_from(["", " ", "plain Words "]))
def test_texts_are_the_same_but_for_case_and_white_space_in_every_script(text, before):
    text = before * 5 + text
    assert normalised(text) == " ".join(text.split()).casefold()


def test_every_character_is_folded_as_python_folds_it():
    beside = [f"a{chr(code)}B" for code in range(sys.maxunicode + 1) if chr(code).isspace() or chr(code).isupper()]
    assert [text for text in beside if normalised(text) != " ".join(text.split()).casefold()] == []
