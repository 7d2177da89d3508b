"""A conversation written in a form is what a person meant, or is refused with the turn at fault."""

from __future__ import annotations

import pytest

from formats.conversation import Conversation, Message, Origin, ToolCall
from ft.dataset.change import deletion, training
from ft.dataset.draft import EMPTY, Draft, Turn, conversation, draft
from ft.errors import UserError

CHAT = Conversation(
    (
        Message("system", "Be kind."),
        Message("user", "Weather?"),
        Message("assistant", "", None, (ToolCall("weather", '{"city": "Rome"}', "1"), ToolCall("time", "{}"))),
        Message("tool", "", name="weather", tool_call_id="1"),
        Message("tool", "12:00"),
        Message("assistant", "Clear.", reasoning="It says so.", train=False),
        Message("user", "Thanks"),
        Message("assistant", "Welcome!"),
    ),
    Origin("chats.json", 7),
    tools=('{"name": "weather"}', '{"name": "time"}'),
    repairs=("turns_merged",),
)
ASK, REPLY = Turn("user", "a"), Turn("assistant", "b")


def test_a_conversation_comes_out_of_a_form_as_it_went_in():
    assert conversation(draft(CHAT), CHAT.origin, CHAT.repairs) == CHAT


@pytest.mark.parametrize(
    "turns",
    [
        (Turn("user", "a", name="Ava"), Turn("user", "b", name="Ben"), REPLY),
        (ASK, Turn("assistant", "b", name="Kim"), Turn("assistant", "c", name="Lou")),
        (Turn("assistant", "b", train=False), Turn("assistant", "c"), ASK, REPLY),
    ],
)
def test_turns_in_a_row_that_are_not_to_be_joined_come_out_of_a_form_as_they_went_in(turns):
    written = conversation(Draft(turns))
    assert len(written.messages) == len(turns) and draft(written) == Draft(turns)


@pytest.mark.parametrize(
    ("turns", "given"),
    [
        ((), "the conversation"),
        ((ASK,), "the conversation"),
        ((REPLY,), "the conversation"),
        ((ASK, REPLY, ASK), "the conversation"),
        ((ASK, ASK, REPLY), "turn 2"),
        ((ASK, REPLY, REPLY), "turn 3"),
        ((ASK, Turn("system", "s"), REPLY), "turn 2"),
        ((ASK, Turn("assistant", "  ")), "turn 2"),
        ((Turn("user", "a", calls="[]"), Turn("assistant", "", calls="[1]")), "turn 2, tool calls"),
        ((Turn("user", "a", calls='[{"name": "f"}]'), REPLY), "turn 1"),
        ((ASK, Turn("assistant", "", calls="{oops")), "turn 2, tool calls"),
        ((ASK, Turn("assistant", "", calls='[{"name": ""}]')), "turn 2, tool calls"),
        ((ASK, Turn("assistant", "", calls='[{"name": "f", "arguments": 3}]')), "turn 2, tool calls"),
        ((Turn("wizard", "a"), REPLY), "turn 1"),
        (EMPTY.turns, "turn 1"),
    ],
)
def test_what_is_no_conversation_is_refused_with_the_turn_at_fault(turns, given):
    with pytest.raises(UserError) as caught:
        conversation(Draft(turns))
    assert caught.value.given == given and caught.value.why and caught.value.todo


def test_tools_that_are_no_list_of_objects_are_refused():
    for tools in ("{", "3", "[1]", '{"name": "f"}'):
        with pytest.raises(UserError, match="the tools"):
            conversation(Draft((ASK, REPLY), tools))


def test_marking_touches_replies_alone_and_only_where_it_changes_something():
    change = training({3: CHAT, 5: conversation(Draft((ASK, Turn("assistant", "b", train=False))))}, trained=False)
    assert list(change.replace) == [3] and "1 conversation" in change.words
    assert [message.train for message in change.replace[3].messages] == [
        True,
        True,
        False,
        True,
        True,
        False,
        True,
        False,
    ]
    assert all(message.train for message in training({3: CHAT}, trained=True).replace[3].messages)


def test_a_deletion_is_told_in_the_numbers_that_a_person_sees():
    assert deletion([4]).words == "Conversation 5 deleted"
    assert deletion({4, 5}).words == "2 conversations deleted"
