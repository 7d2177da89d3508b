"""A turn is learnt behind exactly the tokens that the chat shows, up to the token that ends the turn."""

from __future__ import annotations

import functools

import pytest
from chat_templates import CHATML, CONVERSATIONS, FAMILIES, TEMPLATES, chat, of_family, with_template

from formats.conversation import Message, Origin
from formats.convert import convert_record
from formats.reading import Reading
from ft.errors import UserError
from ft.template.messages import results_as_text, template_messages
from ft.template.render import Renderer
from ft.template.rendered import cut_to

ENDS = {
    **dict.fromkeys(("cohere", "cohere2"), "<|END_OF_TURN_TOKEN|>"),
    **dict.fromkeys(("deepseek_r1_distill", "deepseekv3"), "<\uff5cend\u2581of\u2581sentence\uff5c>"),
    **dict.fromkeys(("gemma", "gemma3"), "<end_of_turn>"),
    **dict.fromkeys([name for name in FAMILIES if "gemma4" in name or name == "diffusion_gemma"], "<turn|>"),
    "glm4moe": "<|user|>",
    "gptoss": "<|return|>",
    **dict.fromkeys(("idefics3", "smolvlm"), "<end_of_utterance>"),
    **dict.fromkeys(("llama3", "llama3_1", "llama3_2"), "<|eot_id|>"),
    "llava_next": "</s>",
    "muse_glimmer": "<|eot|>",
    **dict.fromkeys(("phi3", "phi3_5"), "<|end|>"),
    **dict.fromkeys([name for name in FAMILIES if name.startswith(("lfm2", "nemotron", "qwen"))], "<|im_end|>"),
}
# A turn that calls a tool ends otherwise: the one who answers is not the user.
CALL_ENDS = {
    **dict.fromkeys(("gemma4", "gemma4_v3", "gemma4_v4", "gemma4_v5"), "<|tool_response>"),
    "diffusion_gemma": "<|tool_response>",
    "glm4moe": "<|observation|>",
    "gptoss": "<|call|>",
}
# What the model has to write between a prompt that ends with <think> and a reply without reasoning.
CLOSES = {
    **dict.fromkeys(("deepseek_r1_distill", "deepseekv3", "qwen3_5_think", "qwen3_6", "qwen3_8"), "\n</think>\n\n"),
    **dict.fromkeys(("nemotron_3_nano", "nemotron_3_super"), "\n</think>\n"),
    **dict.fromkeys(("nemotron_3_ultra", "nemotron_3_5_lightning"), "</think>"),
}


@functools.cache
def renderer_of(family: str, known: bool) -> Renderer:
    """Of `family`; where not `known`, TRL does not know the template by one comment, and nothing is marked in it."""
    if known:
        return Renderer(of_family(family))
    text = (TEMPLATES / f"{family}.jinja").read_text(encoding="utf-8")
    for mark in ("generation", "endgeneration"):
        for form in ("{{%- {} -%}}", "{{%- {} %}}", "{{% {} %}}", "{{% {} -%}}"):
            text = text.replace(form.format(mark), form.format("if true" if mark == "generation" else "endif"))
    renderer = Renderer(with_template("{#- another revision -#}" + text))
    assert renderer._marked is None
    return renderer


def asked(renderer, conversation, place):
    """(the messages before turn `place` and it, the tools) as the template takes them."""
    rows, tools = template_messages(conversation.messages, conversation.tools, renderer.native_tools)
    rows = rows if renderer._native_results else results_as_text(rows)
    return rows[: place + 1 + len(rows) - len(conversation.messages)], tools


@pytest.mark.parametrize("known", [True, False], ids=["known to TRL", "unknown"])
@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_each_turn_is_the_prompt_of_the_chat_and_what_the_model_has_to_write_then(family, name, known):
    renderer, conversation = renderer_of(family, known), CONVERSATIONS[name]
    try:
        samples = renderer.samples(conversation)
    except UserError as error:
        assert family == "qwen3_5_nothink" and "reasoning" in name and "record 7" in str(error)
        return
    turns = [place for place, message in enumerate(conversation.messages) if message.role == "assistant"]
    assert [span.message for sample in samples for span in sample.spans] == turns
    tokenizer = renderer.tokenizer
    for sample in samples:
        for span in sample.spans:
            rows, tools = asked(renderer, conversation, span.message)
            assert sample.input_ids[: span.start] == renderer.prompt(rows[:-1], tools)
            assert all(sample.trained[span.start : span.end])
            message = conversation.messages[span.message]
            written = tokenizer.decode(sample.input_ids[span.start : span.end])
            native_call = message.tool_calls and renderer.native_tools
            end = (native_call and CALL_ENDS.get(family)) or ENDS[family]
            if family == "diffusion_gemma" and native_call and known:
                end = "<tool_call|>"  # as far as TRL marks it
            if family == "glm4moe" and not known:
                end = ""  # the next turn's first token is all that ends one, and only TRL's template says so
            assert written.endswith(end) and message.content in written
            prompt = tokenizer.decode(sample.input_ids[: span.start])
            whole = tokenizer.apply_chat_template(renderer._taken(rows), tools=tools, tokenize=False)
            if whole.startswith(prompt):
                left = whole[len(prompt) :].removeprefix(written.removesuffix(end)).removeprefix(end)
                assert left.replace("</s>", "").strip() in ("", "<|tool_response>")
            elif family == "gptoss":
                assert written.startswith(f"<|channel|>analysis<|message|>{message.reasoning}<|end|>")
            else:
                assert prompt.endswith("<think>\n")
                assert written.startswith((message.reasoning or "") + CLOSES[family])


@pytest.mark.parametrize("known", [True, False], ids=["known to TRL", "unknown"])
@pytest.mark.parametrize("family", FAMILIES)
def test_generation_stops_at_the_token_that_ends_a_turn(family, known):
    renderer = renderer_of(family, known)
    found = renderer.end_of_turn()
    if family == "glm4moe" and not known:
        assert found is None
    else:
        assert renderer.tokenizer.decode([found]) == ENDS[family]


def test_every_reply_but_the_last_is_cut_behind_its_end_of_turn():
    (sample,) = renderer_of("phi3", True).samples(CONVERSATIONS["several turns"])
    cut = cut_to(sample, len(sample.input_ids) - 4)
    assert of_family("phi3").decode(cut.input_ids).endswith("Hello!<|end|>")
    assert cut.trained[-1] and [span.message for span in cut.spans] == [1]


def test_deepseek_s_reasoning_is_learnt_where_it_lies_in_the_reply_too():
    """Its template drops what is inside <think>: in a file, that is part of the text as often as not."""
    inline = chat(Message("user", "Hi"), Message("assistant", "<think>\nThey greet.\n</think>\n\nHello!"))
    apart = chat(Message("user", "Hi"), Message("assistant", "Hello!", reasoning="They greet."))
    for known in (True, False):
        renderer = renderer_of("deepseek_r1_distill", known)
        texts = set()
        for conversation in (inline, apart):
            (sample,) = renderer.samples(conversation)
            texts.add(renderer.tokenizer.decode(sample.input_ids[sample.spans[0].start : sample.spans[0].end]))
        assert texts == {"They greet.\n</think>\n\nHello!" + ENDS["deepseekv3"]}


def test_a_template_that_writes_no_turn_as_its_prompt_begins_is_refused_by_name():
    renderer = Renderer(with_template(CHATML.replace("<|im_start|>assistant\n", "<|im_start|>model\n")))
    with pytest.raises(UserError, match=r"chats.json, record 7.*writes message 2 otherwise than its own prompt"):
        renderer.samples(CONVERSATIONS["single turn"])
    assert renderer.end_of_turn() is None


def test_a_group_that_a_template_refuses_is_written_with_the_names_in_the_text():
    names = (("user", "Ava"), ("user", "Ben"), ("assistant", "Kim"))
    record = {"messages": [{"role": role, "name": name, "content": f"I am {name}."} for role, name in names]}
    with pytest.raises(UserError) as caught:
        renderer_of("gemma", True).samples(convert_record(record, Origin("f", 1)))
    assert "names_in_text" in caught.value.todo
    (sample,) = renderer_of("gemma", True).samples(
        convert_record(record, Origin("f", 1), Reading(repairs={"names_in_text": True}))
    )
    text = renderer_of("gemma", True).tokenizer.decode(sample.input_ids)
    assert "Ava: I am Ava.\n\nBen: I am Ben." in text


def test_a_template_that_shortens_earlier_replies_gives_a_sample_for_each():
    text = CHATML.replace(
        "{{ m['content'] }}", "{{ m['content'][:3] if m.role == 'assistant' and not loop.last else m.content }}"
    )
    renderer = Renderer(with_template(text))
    samples = renderer.samples(CONVERSATIONS["several turns"])
    assert [renderer.tokenizer.decode(sample.input_ids) for sample in samples] == [
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n",
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHel<|im_end|>\n<|im_start|>user\n"
        "And the weather?<|im_end|>\n<|im_start|>assistant\nSunny.<|im_end|>\n",
    ]


def test_what_a_tool_answered_is_never_left_out():
    for family in FAMILIES:
        renderer = renderer_of(family, True)
        try:
            last = renderer.samples(CONVERSATIONS["tools"])[-1]
        except UserError:
            assert family == "gemma"
            continue
        assert "clear" in renderer.tokenizer.decode(last.input_ids), family
