"""Every chat template that TRL ships: our masks are TRL's, and where they are not, the reason is listed here."""

from __future__ import annotations

import re

import pytest
from chat_templates import CONVERSATIONS, FAMILIES, TEMPLATES, of_family
from trl.chat_template_utils import get_training_chat_template, has_generation_markers

from ft.errors import UserError
from ft.template.messages import results_as_text, template_messages
from ft.template.render import Renderer

EVERY = set(CONVERSATIONS)
SEVERAL = {"several turns", "system", "tools later", "reasoning"}

# Neither a training template nor markers of their own: there is no mask of TRL's. test_template_turns.py covers them.
NO_MASK = {"gemma4", "gemma4_v2", "gemma4_v3", "gemma4_v4", "gemma4_v5", "llama3_1", "llama3_2"}

_OPENED = (
    "The prompt ends with <think>, which TRL's rendering of a turn without reasoning lacks, or has in other tokens ("
    "line breaks as one). The chat sends the prompt as it is, so what closes the reasoning is learnt behind that."
)
_EARLIER = (
    "The template takes reasoning (even an empty one) out of earlier turns. TRL trains the later turn behind it all "
    "the same, or the earlier turn without the reasoning that the model has to write when it is the last."
)
DIFFERENT: dict[str, tuple[set[str], str]] = {
    "deepseek_r1_distill": (EVERY, _OPENED),
    "deepseekv3": (EVERY, _OPENED),
    "diffusion_gemma": (
        {"reasoning", "tools", "tools later", "tools and reasoning"},
        "As _EARLIER; and behind a tool's answer the prompt is empty, so <|turn>model has to be learnt too.",
    ),
    "glm4moe": ({"reasoning"}, _EARLIER),
    "gptoss": (
        SEVERAL | {"tools and reasoning"},
        "As _EARLIER; and TRL trains earlier turns to end with <|end|>: the model has to write <|return|>, as it does "
        "when the turn is the last, and the template turns that into <|end|>.",
    ),
    "lfm2_2_5": ({"reasoning"}, _EARLIER),
    "lfm2_2_5_v2": ({"reasoning"}, _EARLIER),
    "lfm2_2_5_vl": ({"reasoning"}, _EARLIER),
    "nemotron_3_5_lightning": (EVERY - {"tools and reasoning"}, _OPENED + _EARLIER),
    "nemotron_3_nano": (EVERY - {"tools and reasoning"}, _OPENED + _EARLIER),
    "nemotron_3_super": (EVERY - {"tools and reasoning"}, _OPENED + _EARLIER),
    "nemotron_3_ultra": (EVERY - {"tools and reasoning"}, _OPENED + _EARLIER),
    "qwen3": (SEVERAL | {"tools"}, _EARLIER),
    "qwen3_5_nothink": (SEVERAL - {"reasoning"}, _EARLIER),
    "qwen3_5_think": (EVERY - {"tools and reasoning"}, _OPENED + _EARLIER),
    "qwen3_6": (EVERY - {"tools and reasoning"}, _OPENED + _EARLIER),
    "qwen3_8": (EVERY - {"reasoning", "tools and reasoning"}, _OPENED),
}
_NO_THINKING = "so what the model would have to write is not certain"  # the prompt closes an empty <think>
REFUSED = {
    **{("qwen3_5_nothink", name): _NO_THINKING for name in ("reasoning", "tools and reasoning")},
}


def masked(tokenizer, conversation):
    """TRL's way: one rendering, with assistant_masks."""
    renderer = Renderer(tokenizer)
    rows, tools = template_messages(conversation.messages, conversation.tools, renderer.native_tools)
    rows = rows if renderer._native_results else results_as_text(rows)
    template = get_training_chat_template(tokenizer) or tokenizer.chat_template
    return tokenizer.apply_chat_template(
        renderer._taken(rows),
        tools=tools,
        chat_template=template,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )


def test_every_template_of_trl_is_covered_or_listed():
    trained = {path.stem.removesuffix("_training") for path in TEMPLATES.glob("*_training.jinja")}
    marked = {name for name in FAMILIES if has_generation_markers((TEMPLATES / f"{name}.jinja").read_text("utf-8"))}
    assert trained | marked | NO_MASK == set(FAMILIES) and not (trained | marked) & NO_MASK
    assert set(DIFFERENT) | {family for family, _ in REFUSED} <= set(FAMILIES) - NO_MASK
    for name in trained:
        assert get_training_chat_template(of_family(name)), f"TRL does not know its own template {name} any more"


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize("family", sorted(set(FAMILIES) - NO_MASK))
def test_tokens_and_mask_are_those_of_trl(family, name):
    tokenizer, conversation = of_family(family), CONVERSATIONS[name]
    renderer = Renderer(tokenizer)
    if (family, name) in REFUSED:
        with pytest.raises(UserError, match=rf"^chats.json, record 7.*{re.escape(REFUSED[family, name])}"):
            renderer.samples(conversation)
        return
    theirs = masked(tokenizer, conversation)
    mask = [bool(bit) for bit in theirs["assistant_masks"]]
    samples = renderer.samples(conversation)
    same = len(samples) == 1 and samples[0].input_ids == theirs["input_ids"] and samples[0].trained == mask
    conversations, reason = DIFFERENT.get(family, (set(), ""))
    assert same != (name in conversations), reason or f"{len(samples)} samples"
    assert any(mask)


@pytest.mark.parametrize("name", ["several turns", "system", "tools", "tools later", "reasoning"])
def test_qwen3_learns_the_same_words_as_with_trl_each_reply_behind_what_the_chat_shows(name):
    tokenizer, conversation = of_family("qwen3"), CONVERSATIONS[name]
    theirs = masked(tokenizer, conversation)
    ours = [
        token
        for sample in Renderer(tokenizer).samples(conversation)
        for token, bit in zip(sample.input_ids, sample.trained, strict=True)
        if bit
    ]
    wanted = [token for token, bit in zip(theirs["input_ids"], theirs["assistant_masks"], strict=True) if bit]
    end = "<|im_end|>"
    assert tokenizer.decode(ours).replace(f"{end}\n", end) == tokenizer.decode(wanted).replace(f"{end}\n", end)
