"""The parts of a conversation that a finding shows begin and end with whole words, and say where they are cut."""

import pytest

from formats.conversation import Conversation, Message, Origin
from ft.checks import doctor, private
from ft.checks.excerpt import around, shortened
from ft.checks.language import Languages

WORDS = " ".join(f"word{n:03}" for n in range(60))


@pytest.mark.parametrize("place", [0, 3, 39, 40, 41, 200, len(WORDS) - 3])
def test_an_excerpt_has_whole_words_and_marks_where_it_is_cut(place: int):
    for shown in (around(WORDS, place), around(WORDS, place, place + 3), shortened(WORDS[place:].lstrip())):
        words = [each for each in shown.split(" ") if each != "…"]
        assert set(words) <= {*WORDS.split(" "), WORDS[place:].split(" ")[0]}, shown
    assert around(WORDS, place).startswith("… ") == (place > 40)
    assert WORDS[place : place + 3] in around(WORDS, place, place + 3)


def test_what_has_no_words_is_cut_where_it_has_to_be():
    assert around("x" * 300, 100, 110) == f"… {'x' * 90} …"
    assert shortened("x" * 300) == f"{'x' * 100} … {'x' * 50}"
    chinese = "好 " + "字" * 300
    assert len(shortened(chinese)) > 140 and around(chinese, 200).startswith("… " + "字" * 40)
    assert shortened("short") == "short" and around("short", 2, 4) == "short"


@pytest.mark.parametrize("secret", ["anna-katharina.von-der-heydt@mail.example.org", "sk-" + "aB3dE5f7" * 40])
def test_private_data_is_masked_wherever_a_text_is_cut(secret: str):
    """A piece that was cut in two was not known as one, and shown in clear."""

    def in_clear(shown: str) -> bool:
        return any(secret[n : n + 12] in shown for n in range(len(secret) - 12))

    for place in range(0, len(WORDS), 3):
        text = f"{WORDS[:place]} {secret} {WORDS[place:]}"
        for at in ((), (place // 2,), (place // 2, place // 2 + 5), (place + 1, place + 1 + len(secret))):
            cut = private.part_of(text, *at)
            assert not in_clear(private.mask(cut)) and not in_clear(private.redact(cut)), (place, at)
    middle = f"{WORDS[:90]} {secret} {WORDS}"
    replies = (f"As an AI language model, {middle} <|im_end|> and on", f"<thinking>{middle}</thinking> Yes.")
    chats = [Conversation((Message("user", middle), Message("assistant", said)), Origin("f", 1)) for said in replies]
    found = doctor.examine(chats * 20, languages=Languages())
    assert {"refusals", "thoughts", "control_tokens", "dominant_prompt"} <= {each.code for each in found}
    assert not any(in_clear(each.text + " " + each.after) for finding in found for each in finding.examples)


def test_a_finding_shows_whole_words():
    reply = f"{WORDS} Write to ada@example.org now. {WORDS}"
    chats = [Conversation((Message("user", "Mail?"), Message("assistant", reply)), Origin("f", 1))]
    (found,) = (each for each in doctor.examine(chats, languages=Languages()) if each.code == "email")
    first, *_, last = found.examples[0].text.split(" ")
    assert first == last == "…"
    assert set(found.examples[0].text.split(" ")[1:-1]) - set(WORDS.split(" ")) == {"Write", "to", "ad…rg", "now."}
