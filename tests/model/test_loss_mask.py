"""Which tokens are trained: assistant turns and the token that ends each, and nothing else."""

import copy
from pathlib import Path

import pytest
import trl

from formats.conversation import Conversation, Message, Origin, ToolCall
from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.models.load import load_tokenizer
from ft.template.render import Renderer, cut_to

pytestmark = pytest.mark.slow

HERE = Origin("chats.json", 7)
TWO_TURNS = Conversation(
    (
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "Hello there!"),
        Message("user", "And the weather?"),
        Message("assistant", "Sunny."),
    ),
    HERE,
)
TEMPLATES = Path(trl.__file__).parent / "chat_templates"


@pytest.fixture(scope="module")
def tokenizer(embedded_model_module):
    return load_tokenizer(DEFAULT_MODEL)


def trained_text(rendered, tokenizer):
    return tokenizer.decode([token for token, bit in zip(rendered.input_ids, rendered.trained, strict=True) if bit])


def test_only_replies_and_their_end_of_turn_are_trained(tokenizer):
    rendered = Renderer(tokenizer).render(TWO_TURNS)
    assert trained_text(rendered, tokenizer) == "Hello there!<|im_end|>Sunny.<|im_end|>"
    assert [span.message for span in rendered.spans] == [2, 4]


def test_a_turn_marked_as_not_trained_carries_no_loss(tokenizer):
    messages = list(TWO_TURNS.messages)
    messages[2] = Message("assistant", "Hello there!", train=False)
    rendered = Renderer(tokenizer).render(Conversation(tuple(messages), HERE))
    assert trained_text(rendered, tokenizer) == "Sunny.<|im_end|>"


def test_training_and_chat_ask_in_the_same_tokens(tokenizer):
    renderer = Renderer(tokenizer)
    rendered = renderer.render(TWO_TURNS)
    prompt = renderer.prompt([{"role": m.role, "content": m.content} for m in TWO_TURNS.messages[:4]])
    assert rendered.input_ids[: len(prompt)] == prompt
    assert rendered.spans[1].start == len(prompt)


def test_generation_stops_at_the_token_that_training_ends_a_turn_with(tokenizer):
    assert tokenizer.decode([Renderer(tokenizer).end_of_turn()]) == "<|im_end|>"


def test_tools_are_written_as_text_where_the_template_has_no_place_for_them(tokenizer):
    conversation = Conversation(
        (
            Message("user", "Weather in Rome?"),
            Message("assistant", "", tool_calls=(ToolCall("weather", '{"city": "Rome"}'),)),
            Message("tool", '{"sky": "clear"}'),
            Message("assistant", "Clear."),
        ),
        HERE,
        tools=('{"name": "weather"}',),
    )
    rendered = Renderer(tokenizer).render(conversation)
    whole = tokenizer.decode(rendered.input_ids)
    assert '<tools>\n{"name": "weather"}' in whole and '{"sky": "clear"}' in whole
    assert '"arguments": {"city": "Rome"}}\n</tool_call><|im_end|>Clear.<|im_end|>' in trained_text(rendered, tokenizer)


def test_a_cut_ends_with_a_whole_reply(tokenizer):
    rendered = Renderer(tokenizer).render(TWO_TURNS)
    cut = cut_to(rendered, len(rendered.input_ids) - 2)
    assert trained_text(cut, tokenizer) == "Hello there!<|im_end|>"
    assert cut.trained[-1]
    assert cut_to(rendered, 5) is None


def test_a_template_that_rewrites_earlier_turns_is_refused_and_never_guessed(tokenizer):
    rewriting = copy.deepcopy(tokenizer)
    rewriting.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
        "{% if m['role'] == 'assistant' and not loop.last %}(earlier reply){% else %}{{ m['content'] }}{% endif %}"
        "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    with pytest.raises(UserError, match=r"chats.json, record 7.*rewrites earlier turns"):
        Renderer(rewriting).render(TWO_TURNS)


@pytest.mark.parametrize(
    "name",
    ["qwen2_5", "qwen3", "qwen3_instruct_2507", "llama3", "gemma", "gemma3", "phi3", "phi3_5", "glm4moe", "lfm2"],
)
def test_the_mask_is_trl_s_own_where_trl_knows_the_template(tokenizer, name):
    from trl.chat_template_utils import get_training_chat_template

    known = copy.deepcopy(tokenizer)
    known.chat_template = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    conversation = Conversation(TWO_TURNS.messages[1:], HERE)
    rows = [{"role": m.role, "content": m.content} for m in conversation.messages]
    theirs = known.apply_chat_template(
        rows, chat_template=get_training_chat_template(known), return_dict=True, return_assistant_tokens_mask=True
    )
    ours = Renderer(known).render(conversation)
    assert ours.input_ids == theirs["input_ids"]
    assert ours.trained == [bool(bit) for bit in theirs["assistant_masks"]]
    assert any(ours.trained)


def test_way_two_finds_the_same_replies_as_trl_s_markers(tokenizer):
    known = copy.deepcopy(tokenizer)
    known.chat_template = (TEMPLATES / "qwen2_5.jinja").read_text(encoding="utf-8")
    by_markers = Renderer(known).render(TWO_TURNS)
    prefixes = Renderer(known)
    prefixes._marked = None
    by_prefixes = prefixes.render(TWO_TURNS)
    assert by_prefixes.input_ids == by_markers.input_ids
    # This template's marked parts also hold the line breaks around a reply, which nobody has to generate.
    assert trained_text(by_prefixes, known).split() == ["Hello", "there!<|im_end|>Sunny.<|im_end|>"]
    assert trained_text(by_markers, known).split() == ["Hello", "there!<|im_end|>", "Sunny.<|im_end|>"]
