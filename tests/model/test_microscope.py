"""What the microscope shows is what training uses."""

from __future__ import annotations

import json

import pytest

from formats.conversation import Conversation, Message, Origin
from ft.cli import main
from ft.config import TrainConfig
from ft.dataset import build, sample
from ft.models.load import load_tokenizer
from ft.template.microscope import look
from ft.template.render import Renderer
from ft.train.data import IGNORED, encode

pytestmark = pytest.mark.slow
CHAT = Conversation(
    (
        Message("system", "Be kind. 😀"),
        Message("user", "Wie geht's, Größe? 你好"),
        Message("assistant", "Gut! 😀 (naïve)"),
        Message("user", "And now?"),
        Message("assistant", "Not learnt.", train=False),
        Message("user", "Bye"),
        Message("assistant", "Bye " * 40),
    ),
    Origin("f", 1),
)


@pytest.fixture(scope="module")
def renderer(embedded_model_module):
    return Renderer(load_tokenizer(TrainConfig().model))


@pytest.mark.parametrize("length", [2048, 100, 60, 10])
def test_the_tokens_shown_as_learnt_are_the_labels_of_training(renderer, length):
    seen = look(CHAT, renderer, length)
    data, _ = encode([CHAT], renderer, TrainConfig(max_length=length) if length >= 16 else TrainConfig(max_length=16))
    ids = [token for piece in seen.pieces if piece.kind != "cut" for token in piece.ids]
    learnt = [token for piece in seen.pieces if piece.kind == "trained" for token in piece.ids]
    if seen.dropped:
        assert len(data) == 0 and ids == []
        return
    assert ids == list(data[0]["input_ids"])
    assert learnt == [label for label in data[0]["labels"][1:] if label != IGNORED]
    assert seen.trained == len(learnt) and seen.cut == seen.tokens - len(ids)


def test_every_character_of_the_text_is_shown_and_special_tokens_are_marked(renderer):
    seen = look(CHAT, renderer, 2048)
    shown = "".join(piece.text for piece in seen.pieces)
    for message in CHAT.messages:
        assert message.content.strip() in shown
    assert "\ufffd" not in shown
    assert {piece.text for piece in seen.pieces if piece.special} == {"<|im_start|>", "<|im_end|>"}
    assert seen.ends == (True, True) and seen.lost_turns == 0 and seen.samples == 1


def test_what_is_cut_off_is_told(renderer):
    seen = look(CHAT, renderer, 60)
    assert seen.cut > 0 and seen.lost_turns >= 1 and all(seen.ends)
    assert look(CHAT, renderer, 60, "drop").dropped and look(CHAT, renderer, 10).dropped


def test_inspect_tells_lengths_and_shows_a_row(embedded_model, capsys):
    build.save(build.stage([sample.sample_file()]), "sample")
    assert main(["inspect", "sample", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["conversations"] == 60 == sum(each["conversations"] for each in whole["histogram"])
    assert whole["beyond"] == 0 and whole["shortest"] <= whole["median"] <= whole["longest"]
    assert main(["inspect", "sample", "--row", "1", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["end_of_turn_trained"] == [True] and row["count"] == sum(len(each["ids"]) for each in row["tokens"])
    assert main(["inspect", "sample", "--row", "1", "--max-length", "100"]) == 0
    said = capsys.readouterr().out
    assert "learnt" in said and "[Ahoy" in said
    assert main(["inspect", "sample", "--row", "61"]) == 1
    assert main(["inspect", "sample"]) == 0
    assert "Beyond the maximum length" in capsys.readouterr().out
