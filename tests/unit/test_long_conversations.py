"""A conversation of a book's length: shown as far as a person reads, counted whole, with the tokens of training."""

from __future__ import annotations

import json
import random
import re

import pytest
from chat_templates import CHATML, CONVERSATIONS, as_sentencepiece, chat, of_family, with_template

from formats.conversation import Message
from ft.cli import inspect
from ft.template import microscope, slices
from ft.template.microscope import look
from ft.template.render import Renderer
from ft.train.tokens import one_as_json
from ft.ui.data_tokens import markup

TOKENIZERS = {
    "byte level": with_template(CHATML),
    "GPT-2": with_template(CHATML, parts=None),
    "beginning token": with_template(CHATML, adds_bos=True),
    **{f"SentencePiece, {how}": as_sentencepiece(CHATML, how) for how in ("always", "first", "never", "normalizer")},
}
_WORDS = [
    "weather",
    "the",
    "don't",
    "Größe",
    "你好",
    "😀",
    "x=1;",
    "\n\n",
    " ",
    "\t",
    "  in",
    "12345",
    "a_b",
    "<|im_end|>",
]


def prose(characters: int) -> str:
    chance = random.Random(characters)
    words = (chance.choice(_WORDS) + chance.choice((" ", "", "\n")) for _ in range(characters))
    return "".join(words)[:characters]


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)
@pytest.mark.parametrize("text", ["prose", "letters", "spaces", "lines", "marks"])
def test_a_text_in_slices_has_the_tokens_of_the_whole(monkeypatch, tokenizer, text):
    monkeypatch.setattr(slices, "SLICE", 3_000)
    monkeypatch.setattr(slices, "OVERLAP", 800)
    texts = {
        "prose": prose(20_000),
        "letters": "a" * 20_000,
        "spaces": " " * 20_000,
        "lines": "\n" * 10_001 + "é" * 9_999,
        "marks": "<|im_end|>" * 2_000,
    }
    whole = tokenizer.encode(texts[text], add_special_tokens=False)
    assert slices.encode(tokenizer, texts[text]) == whole


def test_no_more_than_a_slice_is_encoded_at_once(monkeypatch):
    lengths = []
    tokenizer = with_template(CHATML)
    encode = type(tokenizer).__call__
    monkeypatch.setattr(
        type(tokenizer), "__call__", lambda self, text, **how: lengths.append(len(text)) or encode(self, text, **how)
    )
    monkeypatch.setattr(slices, "SLICE", 3_000)
    monkeypatch.setattr(slices, "OVERLAP", 800)
    slices.encode(tokenizer, prose(20_000))
    assert len(lengths) > 6 and max(lengths) == 3_000


def test_a_megabyte_is_shown_as_far_as_a_person_reads_and_counted_whole():
    renderer = Renderer(with_template(CHATML))
    reply = prose(1_000_000).replace("<|im_end|>", "")
    conversation = chat(Message("user", "Write a book."), Message("assistant", reply))
    seen = look(conversation, renderer, 2_048)
    (sample,) = renderer.samples(conversation)
    assert seen.tokens == len(sample.input_ids) > 300_000
    assert 0 < microscope.SHOWN - seen.shown < 8 or seen.shown == microscope.SHOWN
    page, script = markup(seen, 1), json.dumps(one_as_json(seen, 1, "m"))
    assert len(page) < 1_000_000 and len(script) < 1_000_000
    assert f"The first {seen.shown:,} are shown" in page
    assert {"count": seen.tokens, "shown": seen.shown}.items() <= json.loads(script).items()
    assert any(f"The first {seen.shown:,} are shown" in said for said in inspect.sentences(seen, 1, "m"))
    assert seen.dropped and seen.cut == seen.tokens


@pytest.mark.parametrize("max_length", [16, 60, 10_000])
def test_what_is_counted_does_not_depend_on_how_much_is_shown(monkeypatch, max_length):
    renderer = Renderer(of_family("qwen3"))
    conversation = CONVERSATIONS["reasoning"]
    whole = look(conversation, renderer, max_length)
    monkeypatch.setattr(microscope, "SHOWN", 20)
    some = look(conversation, renderer, max_length)
    assert some.shown <= 20 < whole.shown == whole.tokens == some.tokens
    assert some.pieces[:-1] == whole.pieces[: len(some.pieces) - 1]
    for name in ("samples", "trained", "cut", "ends", "lost_turns", "dropped"):
        assert getattr(some, name) == getattr(whole, name)
    assert whole.trained == sum(len(piece.ids) for piece in whole.pieces if piece.kind == "trained")
    assert not re.search("are shown", markup(whole, 1))
