"""Conversations that become several samples, counted and shown; none is lost without a word."""

from __future__ import annotations

import json

import pytest
from chat_templates import CONVERSATIONS, chat, of_family

from formats.conversation import Message
from ft.cli.inspect import sentences
from ft.config import TrainConfig
from ft.errors import UserError
from ft.template.microscope import look
from ft.template.render import Renderer
from ft.train.data import IGNORED, Counts, encode, prepare
from ft.train.tokens import Lengths, one_as_json
from ft.ui.data_tokens import markup

LONG = chat(
    Message("user", "Hi"),
    Message("assistant", "Hello!"),
    Message("user", "Tell me more. " * 20),
    Message("assistant", "Sunny."),
)
NONE = chat(Message("user", "Hi"), Message("assistant", "Hello!", train=False))


@pytest.fixture(scope="module")
def qwen3():
    return Renderer(of_family("qwen3"))


def counted(renderer, conversations, **settings):
    counts = Counts()
    return list(prepare(conversations, renderer, TrainConfig(**settings), counts)), counts


def test_samples_and_conversations_are_counted_apart(qwen3):
    samples, counts = counted(qwen3, [CONVERSATIONS["single turn"], CONVERSATIONS["several turns"], NONE])
    assert (counts.used, counts.samples, counts.no_trained, counts.cut, counts.dropped) == (2, 3, 1, 0, 0)
    assert counts.tokens == sum(len(sample.input_ids) for sample in samples)
    assert counts.trained_tokens == sum(sum(sample.trained) for sample in samples)
    assert counts.lengths[1] == max(len(sample.input_ids) for sample in samples) == counts.longest
    assert len(counts.lengths) == 3 == Lengths.of(counts, 2048).conversations
    assert "2 conversations become 3 samples" in counts.several()
    assert not counted(qwen3, [CONVERSATIONS["single turn"]])[1].several()


def test_a_sample_whose_only_reply_does_not_fit_is_dropped_and_the_conversation_counted_as_cut(qwen3):
    first, last = qwen3.samples(LONG)
    limit, length = last.spans[-1].end - 1, len(last.input_ids)
    samples, counts = counted(qwen3, [LONG], max_length=limit)
    assert samples == [first] and (counts.used, counts.samples, counts.cut, counts.dropped) == (1, 1, 1, 0)
    assert counts.lost() == "1 over-long cut at the end of a reply"
    _, counts = counted(qwen3, [LONG], max_length=16)
    assert (counts.used, counts.samples, counts.cut, counts.dropped) == (0, 0, 0, 1)
    _, counts = counted(qwen3, [LONG], max_length=limit, overlong="drop")
    assert (counts.used, counts.samples, counts.cut, counts.dropped) == (0, 0, 0, 1)
    with pytest.raises(UserError, match=f"has {length} tokens, over the maximum length of {limit}"):
        counted(qwen3, [LONG], max_length=limit, overlong="refuse")


@pytest.mark.parametrize("settings", [{}, {"max_length": 60}, {"max_length": 60, "overlong": "drop"}])
@pytest.mark.parametrize("conversation", [*CONVERSATIONS.values(), LONG, NONE])
@pytest.mark.parametrize("family", ["qwen3", "qwen2_5", "gptoss"])
def test_the_microscope_shows_the_samples_that_the_trainer_gets(family, conversation, settings):
    renderer, config = Renderer(of_family(family)), TrainConfig(**settings)
    seen = look(conversation, renderer, config.max_length, config.overlong)
    rows = [
        [piece for piece in seen.pieces if piece.sample == number and piece.kind != "cut"]
        for number in range(seen.samples)
    ]
    data, counts = encode([conversation], renderer, config)
    shown = [
        ([token for piece in row for token in piece.ids], [t for p in row for t in p.ids if p.kind == "trained"])
        for row in rows
    ]
    taken = [(list(row["input_ids"]), [label for label in row["labels"][1:] if label != IGNORED]) for row in data]
    assert [row for row in shown if row[1]] == taken and len(taken) == counts.samples
    assert seen.trained == counts.trained_tokens and seen.dropped == bool(counts.dropped)
    assert all(seen.ends) and len(seen.ends) + seen.lost_turns == sum(
        message.role == "assistant" and message.train for message in conversation.messages
    )


def test_a_conversation_of_several_samples_is_told_and_shown_one_below_the_other(qwen3):
    seen = look(CONVERSATIONS["several turns"], qwen3, 2048)
    assert seen.samples == 2 and "becomes 2 samples" in " ".join(sentences(seen, 1, "m"))
    page = markup(seen, 1)
    assert page.count('<div class="tokens"') == 2 and "becomes 2 samples" in page
    row = json.loads(json.dumps(one_as_json(seen, 1, "m")))
    assert row["samples"] == 2 and {token["sample"] for token in row["tokens"]} == {1, 2}
    assert row["count"] == sum(len(token["ids"]) for token in row["tokens"])
    single = look(CONVERSATIONS["single turn"], qwen3, 2048)
    assert markup(single, 1).count('<div class="tokens"') == 1 and "samples" not in markup(single, 1)
