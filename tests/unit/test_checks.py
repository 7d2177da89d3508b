"""The check-up finds what is there and says nothing against what is clean; what is private is never shown whole."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from formats.conversation import Conversation, Message, Origin, ToolCall
from ft.checks import control, doctor
from ft.checks.doctor import FINDINGS, change
from ft.checks.language import Languages
from ft.checks.private import found_in, mask, redact, redacted

LANGUAGES = Languages()
LONG = "This reply is written to its end, with all that belongs to it. " * 6


def examine(chats: list[Conversation]) -> list[doctor.Finding]:
    return doctor.examine(chats, languages=LANGUAGES)


def chat(prompt: str, reply: str, system: str = "") -> Conversation:
    first = (Message("system", system),) if system else ()
    return Conversation((*first, Message("user", prompt), Message("assistant", reply)), Origin("f", 1))


CLEAN = [chat(f"Question {n}: what is {n}?", f"It is {n}. {LONG if n % 2 else 'Yes indeed.'}") for n in range(80)]
DUTCH = "Hoe open je de deur? Met de sleutel, die je in het slot steekt en voorzichtig naar rechts draait."
CASES = {
    "few": CLEAN[:10],
    "short_replies": [*CLEAN, chat("Is it?", "Yes.")],
    "refusals": [*CLEAN, chat("Tell me", "As an AI language model, I can't do this.")],
    "cut_replies": [*CLEAN, chat("Go on", LONG + "and then the")],
    "outliers": [*CLEAN, chat("Long?", "Very long. " * 3000)],
    "system_in_part": [*CLEAN, chat("Hi there", "Good day to you.", "Be kind.")],
    "dominant_prompt": [*CLEAN, *[chat("Good morning", f"Good morning number {n}.") for n in range(20)]],
    "contradictions": [*CLEAN, chat("question 3:  what is 3?", "It is four, of course.")],
    "languages": [*CLEAN, chat(DUTCH, DUTCH)],
    "thoughts": [*CLEAN, chat("Sum?", "<|begin_of_thought|>\nTwo and two.\n<|end_of_thought|>\n\nIt is four.")],
    "control_tokens": [*CLEAN, chat("Name?", "I am Ada.<|im_end|>\n<|im_start|>user\n")],
    "placeholders": [*CLEAN, chat("Who?", "I am {{name}}, of course.")],
    "key": [*CLEAN, chat("Key?", "It is sk-proj-abcdefghijklmnopqrstuvwx, keep it.")],
    "email": [*CLEAN, chat("Mail?", "Write to ada.lovelace@example.org now.")],
    "phone": [*CLEAN, chat("Phone?", "Call +49 30 901820 now.")],
    "card": [*CLEAN, chat("Card?", "It is 4111 1111 1111 1111 indeed.")],
    "iban": [*CLEAN, chat("Bank?", "It is DE89 3704 0044 0532 0130 00 indeed.")],
}


def test_a_clean_dataset_gives_no_finding():
    assert examine(CLEAN) == []


def test_every_finding_has_a_case_here():
    assert set(CASES) == set(FINDINGS)


@pytest.mark.parametrize("code", CASES)
def test_what_is_wrong_is_found_with_advice_and_where(code):
    found = {each.code: each for each in examine(CASES[code])}
    assert code in found and set(found) <= {code, "short_replies", "contradictions"}
    one = found[code]
    assert one.title and "{" not in one.advice.replace("{{name}}", "")
    if code not in ("few", "dominant_prompt", "system_in_part"):
        assert 80 in one.rows and one.examples[0].row == 80


@pytest.mark.parametrize(
    "code", ["short_replies", "refusals", "cut_replies", "languages", "thoughts", "control_tokens", "email", "key"]
)
def test_each_fix_leaves_nothing_of_the_finding(code):
    chats = dict(enumerate(CASES[code]))
    one = next(each for each in examine(CASES[code]) if each.code == code)
    assert one.fixes
    for fix in ("", *one.fixes):
        made = change(one, {row: chats[row] for row in one.rows}, fix)
        after = [made.replace.get(row, each) for row, each in chats.items() if row not in made.delete]
        assert code not in {each.code for each in examine(after)}, fix


def test_a_refusal_is_deleted_or_kept_as_context_and_an_address_is_shown_as_it_will_be():
    (refused,) = examine(CASES["refusals"])
    assert refused.fixes == ("delete", "untrain") and refused.examples[0].after == ""
    made = change(refused, {80: CASES["refusals"][80]}, "untrain")
    assert not made.delete and not made.replace[80].messages[-1].train
    (email,) = examine(CASES["email"])
    assert email.fixes == ("redact",) and "[EMAIL]" in email.advice
    assert email.examples[0].text == "Write to ad…rg now." and email.examples[0].after == "Write to [EMAIL] now."
    with pytest.raises(ValueError, match="no fix 'delete' for email"):
        change(email, {}, "delete")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I am Ada.<|im_end|>\n<|im_start|>assistant\n", "I am Ada."),
        ("<s>[INST] <<SYS>>Be kind.<</SYS>> Who? [/INST] Ada.</s>", "Be kind. Who?  Ada."),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nAda.<|eot_id|>", "Ada."),
        ("<start_of_turn>model\nAda.<end_of_turn>", "Ada."),
        ("Ada.<\uff5cend\u2581of\u2581sentence\uff5c>", "Ada."),
        ("A story.<|endoftext|>", "A story."),
    ],
)
def test_the_control_tokens_of_any_family_are_taken_out_with_the_name_of_who_speaks(text, left):
    asked = replace(
        chat("Name?", text), messages=(Message("user", "Name?"), Message("assistant", text, reasoning=text))
    )
    assert control.found_in(text) and control.cleaned(asked).messages[-1] == Message("assistant", left, reasoning=left)


THOUGHTS = [
    "<|begin_of_thought|>\n\nHm.\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nFour.\n\n<|end_of_solution|>",
    "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Four.<|END_RESPONSE|>",
    "<|thinking|>Hm.<|/thinking|>Four.",
    "<|inner_prefix|>Hm.<|inner_suffix|>Four.",
    "[THINK]Hm.[/THINK]Four.",
    "\u25c1think\u25b7Hm.\u25c1/think\u25b7Four.",
    "Hm.\n<|end_of_thought|>\n\nFour.",
    "<thinking>Hm.</thinking>\nFour.",
    "<Thought>\nHm.\n</Thought>\n<Output>\nFour.\n</Output>",
    "<reasoning>Hm.</reasoning><answer>Four.</answer>",
    '<details type="reasoning" done="true">\n<summary>Thought for 3 seconds</summary>\nHm.\n</details>\nFour.',
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Four.<|return|>",
    "<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Four.",
]


@pytest.mark.parametrize("text", THOUGHTS)
@pytest.mark.parametrize("code", ["thoughts", "control_tokens"])
def test_a_thought_between_tokens_becomes_the_reasoning_and_is_never_joined_to_the_answer(text, code):
    asked = chat("Sum?", text)
    both = chat("Sum?", text + ("<|im_end|>" if code == "control_tokens" else ""))
    found = {each.code: each for each in examine([both])}
    assert "thoughts" in found and ("control_tokens" in found) == (code == "control_tokens")
    made = change(found[code], {0: both})
    assert made.replace[0].messages == (Message("user", "Sum?"), Message("assistant", "Four.", reasoning="Hm."))
    kept = replace(asked, messages=(*asked.messages[:1], replace(asked.messages[1], reasoning="First.")))
    assert change(found["thoughts"], {0: kept}).replace[0].messages[1].reasoning == "First.\n\nHm."


@pytest.mark.parametrize(
    "text",
    [
        "<|begin_of_thought|>Hm. It is",
        "<|begin_of_thought|>Hm.<|end_of_thought|>",
        "Four.<|end_of_thought|>Hm.<|end_of_thought|>",
        "<|begin_of_thought|>a<|begin_of_thought|>b<|end_of_thought|>Four.",
    ],
)
def test_a_reply_whose_thought_is_not_certain_stays_to_the_letter_and_is_found(text):
    asked = chat("Sum?", text)
    (found,) = [each for each in examine([asked]) if each.code == "thoughts"]
    assert found.fixes == ("reason", "delete") and not change(found, {0: asked}).replace
    assert control.cleaned(asked) == asked


def test_thoughts_between_and_behind_answers_are_parted_in_their_order():
    text = "<|begin_of_thought|>One.<|end_of_thought|>First.<|begin_of_thought|>Two.<|end_of_thought|>Second."
    (found,) = [each for each in examine([chat("Sum?", text)]) if each.code == "thoughts"]
    (_, reply) = change(found, {0: chat("Sum?", text)}).replace[0].messages
    assert (reply.content, reply.reasoning) == ("First.\n\nSecond.", "One.\n\nTwo.")
    assert found.examples[0].after == "(One.\n\nTwo.) First.\n\nSecond."


@pytest.mark.parametrize("text", ["<details><summary>More</summary>x</details>", "<output>4</output>", "a</b> <think>"])
def test_markup_that_holds_no_thought_is_none(text):
    assert "thoughts" not in {each.code for each in examine([chat("Sum?", text)])}


def test_what_others_say_of_these_tokens_stays_with_the_control_tokens():
    asked = chat("What is <|begin_of_thought|>?", "A token.")
    assert {"thoughts", "control_tokens"} & {each.code for each in examine([asked])} == {"control_tokens"}
    assert control.cleaned(asked).messages[0].content == "What is ?"


def test_the_name_of_a_channel_goes_with_its_token():
    text = "<|channel|>final<|message|>Four.<|return|>"
    assert control.cleaned(chat("Sum?", text)).messages[1] == Message("assistant", "Four.")


@pytest.mark.parametrize("text", ["a <| b |> c", "if a<b||c>d", "x[0] <strong>", "[instead]", "<think>", "<|>", " \n"])
def test_what_is_no_control_token_stays_to_the_letter(text):
    assert control.cleaned(chat(text, text)) == chat(text, text)


def test_a_conversation_that_would_have_nothing_left_to_say_stays_and_is_not_counted():
    chats = {0: chat("Say the token", "<|im_end|>"), 1: chat("Hello", "Ada.</s>")}
    (found,) = [each for each in examine(list(chats.values())) if each.code == "control_tokens"]
    made = change(found, chats)
    assert set(made.replace) == {1} and made.words == "1 conversation without control tokens now"
    assert found.examples[1].after == "Ada."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wie öffnet man die Tür? Mit dem Schlüssel, den man in das Schloss steckt und dreht. Danach zieht man.", "de"),
        ("您好。我是一个人工智能助手。很高兴认识您。请问我能为您做些什么。我可以回答各种问题。", "zh"),
        ("Здравствуйте, чем сегодня можем помочь? Мы всегда рады ответить на ваши вопросы и предложения.", "ru"),
        ("Hello there", ""),
        ("```python\ndef foo(x):\n    return x + 1\nfor i in range(10):\n    print(foo(i), foo(i + 1))\n```", ""),
        ("{{name}} 12345 " * 20, ""),
    ],
)
def test_a_language_is_told_where_it_is_sure_and_never_guessed(text, language):
    assert LANGUAGES.of(text) == language


SECRETS = [
    ("key", "AKIAIOSFODNN7EXAMPLE"),
    ("key", "ghp_" + "a1B2" * 9),
    ("key", "hf_" + "aB3d" * 9),
    ("key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"),
    ("key", "sk-ant-" + "x" * 30),
    ("email", "a.b+c@mail.example.co.uk"),
    ("phone", "+1 415-555-2671"),
    ("phone", "(415) 555-2671"),
    ("card", "5500-0055-5555-5559"),
    ("iban", "GB82 WEST 1234 5698 7654 32"),
]


@pytest.mark.parametrize(("kind", "secret"), SECRETS)
def test_private_data_is_found_masked_and_redacted(kind, secret):
    text = f"Here: {secret} and so on."
    (piece,) = found_in(text)
    assert (piece.kind, text[piece.start : piece.end]) == (kind, secret)
    assert secret not in mask(text) and redact(text) == f"Here: [{kind.upper()}] and so on."
    assert found_in(redact(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Version 2.31.4.1 of 2024-11-03 12:30:00",
        "1 + 2 - 3 * 400 = 12345678",
        "It costs 1,299.00 or 1.299,00 EUR",
        "ISBN 978-3-16-148410-0",
        "user at example dot org, or foo@bar",
        "10.1000/182, 192.168.0.1:8080",
        "sk-learn is a library; task-list",
        "4111 1111 1111 1112",
    ],
)
def test_what_only_looks_so_is_left_alone(text):
    assert found_in(text) == []


def test_the_arguments_of_a_call_stay_json_when_they_are_redacted():
    call = ToolCall("mail", json.dumps({"to": "ada@example.org", "n": 3, "card": 4111111111111111, "all": ["x"]}))
    given = Conversation((Message("user", "a"), Message("assistant", "", tool_calls=(call,))), Origin("f", 1))
    (_, reply) = redacted(given).messages
    assert json.loads(reply.tool_calls[0].arguments) == {"to": "[EMAIL]", "n": 3, "card": "[CARD]", "all": ["x"]}
    plain = replace(call, arguments='{"n": 1.10}')
    untouched = replace(given, messages=(given.messages[0], replace(given.messages[1], tool_calls=(plain,))))
    assert redacted(untouched) == untouched
