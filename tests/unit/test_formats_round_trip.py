"""What a format writes, it reads back the same; what anybody writes ends as a conversation or a named problem."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.conversation import Conversation, Message, Origin, ToolCall
from formats.convert import WRITERS, convert_record
from formats.ignored import ignored
from formats.problems import PROBLEMS, RowProblem
from formats.reading import Reading
from formats.repair import REPAIRS

HERE = Origin("f", 1)
# Not "&", "<" or "{", which repairs of texts look for; no half characters, which cannot be kept.
WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="{"), min_size=1, max_size=30).filter(
    lambda text: bool(text.strip())
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(WORDS, VALUES, max_size=3).map(lambda found: json.dumps(found, ensure_ascii=False))
CALLS = st.lists(st.builds(ToolCall, WORDS, ARGUMENTS, st.none() | WORDS), min_size=1, max_size=3).map(tuple)
TOOLS = st.lists(
    st.dictionaries(WORDS, VALUES, max_size=3).map(lambda x: json.dumps(x, ensure_ascii=False)), max_size=2
)
REPLY = st.builds(Message, st.just("assistant"), WORDS, st.just(None), st.just(()), st.booleans())
RICH = st.builds(Message, st.just("assistant"), WORDS, st.none() | WORDS, st.just(()), st.booleans(), st.none() | WORDS)
CALLING = st.builds(
    Message, st.just("assistant"), st.just("") | WORDS, st.none() | WORDS, CALLS, st.booleans(), st.none() | WORDS
)
RESULT = st.builds(
    Message,
    st.just("tool"),
    st.just("") | WORDS,
    name=st.none() | WORDS,
    tool_call_id=st.none() | WORDS,
)
ASK = st.builds(Message, st.just("user"), WORDS)


@st.composite
def chats(draw, rich=True, most=3, train=True):
    """A conversation that needs no repair."""
    messages = [Message("system", draw(WORDS))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, most))):
        messages.append(draw(ASK))
        if rich and draw(st.booleans()):
            messages.append(draw(CALLING))
            messages += draw(st.lists(RESULT, min_size=1, max_size=2))
        messages.append(draw(RICH if rich else REPLY))
    if not train:
        roles = [m.role for m in messages]
        last = len(roles) - 1
        messages = [
            m if i == last or m.role != "assistant" else Message("assistant", m.content) for i, m in enumerate(messages)
        ]
    return Conversation(tuple(messages), HERE, tuple(draw(TOOLS)))


def back(written: dict) -> Conversation | RowProblem:
    return convert_record(json.loads(json.dumps(written)), HERE)


@pytest.mark.parametrize("format", ["sharegpt", "messages"])
@settings(max_examples=80, deadline=None)
@given(chat=chats())
def test_chats_with_tools_calls_and_reasoning_come_back_the_same(format, chat):
    assert back(WRITERS[format](chat)) == chat


@pytest.mark.parametrize("format", ["sharegpt", "messages"])
def test_a_thought_of_one_word_comes_back_though_the_word_might_be_a_setting(format):
    chat = Conversation((Message("user", "Q"), Message("assistant", "A", "low")), HERE)
    assert back(WRITERS[format](chat)) == chat


@settings(max_examples=60, deadline=None)
@given(chat=chats(rich=False, train=False))
def test_alpaca_gives_plain_chats_back_the_same(chat):
    assert back(WRITERS["alpaca"](chat)) == chat


@settings(max_examples=60, deadline=None)
@given(chat=chats(rich=False, most=1))
def test_a_pair_gives_one_prompt_and_one_reply_back_the_same(chat):
    assert back(WRITERS["pairs"](chat)) == chat


@pytest.mark.parametrize("format", ["alpaca", "pairs"])
@settings(max_examples=60, deadline=None)
@given(chat=chats())
def test_what_a_format_cannot_hold_it_refuses_to_write(format, chat):
    try:
        written = WRITERS[format](chat)
    except ValueError:
        return
    assert back(written) == chat


NAMES = """conversations messages instruction input output prompt completion history system tools from value role text
content mapping current_node chosen rejected label images data items weight train tool_calls file record code raw
 question answer parent children message author parts content_type name arguments type id parent_id replies rank
 conversation_id created_at reasoning thought isThought speaker fragments input summary channel tool_use_id function"""
KEYS = st.sampled_from(NAMES.split())
ROLES = st.sampled_from(["user", "assistant", "system", "tool", "human", "gpt", "function_call", "thinking", "Ava", ""])
KINDS = st.sampled_from(["text", "thinking", "tool_use", "tool_result", "tool_call"])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | ROLES | st.just('{"a": 1}') | KINDS
)
JUNK = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)


@settings(max_examples=600, deadline=None)
@given(record=JUNK, on=st.booleans())
def test_whatever_a_record_holds_it_ends_as_a_conversation_or_a_named_problem(record, on):
    reading = Reading(repairs={"good_answers_kept": on, "weight_as_one": on, "turns_merged": not on})
    found = convert_record(record, HERE, reading)
    if isinstance(found, RowProblem):
        assert found.code in PROBLEMS or found.code in REPAIRS
        assert found.problem and found.fix
        found.record.encode()
    else:
        assert any(message.role == "assistant" for message in found.messages)
        assert set(found.repairs) <= set(REPAIRS)
        assert all(isinstance(key, str) for key in ignored(record, None, {}))
