"""The default model: assistant turns and the token that ends each are trained, and nothing else.

tests/unit/test_template_*.py go through the chat templates of other models.
"""

import copy
from pathlib import Path

import pytest
import trl

from formats.conversation import Conversation, Message, Origin, ToolCall
from ft.config import DEFAULT_MODEL
from ft.models.load import load_tokenizer
from ft.template.render import Renderer
from ft.template.rendered import cut_to

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


def only(tokenizer, conversation):
    """The one sample that `conversation` becomes."""
    (rendered,) = Renderer(tokenizer).samples(conversation)
    return rendered


def test_only_replies_and_their_end_of_turn_are_trained(tokenizer):
    rendered = only(tokenizer, TWO_TURNS)
    assert trained_text(rendered, tokenizer) == "Hello there!<|im_end|>Sunny.<|im_end|>"
    assert [span.message for span in rendered.spans] == [2, 4]


def test_a_turn_marked_as_not_trained_carries_no_loss(tokenizer):
    messages = list(TWO_TURNS.messages)
    messages[2] = Message("assistant", "Hello there!", train=False)
    rendered = only(tokenizer, Conversation(tuple(messages), HERE))
    assert trained_text(rendered, tokenizer) == "Sunny.<|im_end|>"


def test_training_and_chat_ask_in_the_same_tokens(tokenizer):
    renderer = Renderer(tokenizer)
    (rendered,) = renderer.samples(TWO_TURNS)
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
    rendered = only(tokenizer, conversation)
    whole = tokenizer.decode(rendered.input_ids)
    assert '<tools>\n{"name": "weather"}' in whole and '{"sky": "clear"}' in whole
    assert '"arguments": {"city": "Rome"}}\n</tool_call><|im_end|>Clear.<|im_end|>' in trained_text(rendered, tokenizer)


def test_a_cut_ends_with_a_whole_reply(tokenizer):
    rendered = only(tokenizer, TWO_TURNS)
    cut = cut_to(rendered, len(rendered.input_ids) - 2)
    assert trained_text(cut, tokenizer) == "Hello there!<|im_end|>"
    assert cut.trained[-1]
    assert cut_to(rendered, 5) is None


def test_way_two_finds_the_same_replies_as_trl_s_markers(tokenizer):
    known = copy.deepcopy(tokenizer)
    known.chat_template = (TEMPLATES / "qwen2_5.jinja").read_text(encoding="utf-8")
    by_markers = only(known, TWO_TURNS)
    known.chat_template += "{#- TRL does not know this one -#}"
    by_prefixes = only(known, TWO_TURNS)
    assert by_prefixes.input_ids == by_markers.input_ids
    # This template's marked parts also hold the line breaks around a reply, which nobody has to generate.
    assert trained_text(by_prefixes, known).split() == ["Hello", "there!<|im_end|>Sunny.<|im_end|>"]
    assert trained_text(by_markers, known).split() == ["Hello", "there!<|im_end|>", "Sunny.<|im_end|>"]
