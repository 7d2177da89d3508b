"""Chat templates to test with: those that TRL ships, a tokenizer for each that is made here, and conversations."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import trl
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from formats.conversation import Conversation, Message, Origin, ToolCall

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SPECIAL = re.compile(
    r"<\|[\w:\"]+\|?>|<[\w:]+\|>|</?think>|<\uff5c[^\uff5c<>]+\uff5c>|<(?:start|end)_of_\w+>|\[/?INST\]|\[gMASK\]|<sop>"
)
# How Llama 3, Qwen and their like part a text: line breaks at the end of a prompt stay apart from what follows.
_PARTS = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_TEXT = "Hello there, the weather is sunny.\n\nBe brief: what is it?\n assistant user system tool think call\n\n"


FAMILIES = sorted(path.stem for path in TEMPLATES.glob("*.jinja") if not path.stem.endswith("_training"))

_HERE = Origin("chats.json", 7)
_ASKED, _GREETING = Message("user", "Weather in Rome?"), (Message("user", "Hi"), Message("assistant", "Hello!"))
_CALL = ToolCall("weather", '{"city": "Rome"}', id="call00001")
_ANSWER = Message("tool", "clear", name="weather", tool_call_id="call00001")
_TOOL = (
    '{"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": {"type": '
    '"object", "properties": {"city": {"type": "string", "description": "Where"}}, "required": ["city"]}}}'
)


def chat(*messages: Message, tools: tuple[str, ...] = ()) -> Conversation:
    """A conversation of `messages`."""
    return Conversation(messages, _HERE, tools=tools)


CONVERSATIONS = {
    "single turn": chat(*_GREETING),
    "several turns": chat(*_GREETING, Message("user", "And the weather?"), Message("assistant", "Sunny.")),
    "system": chat(Message("system", "Be brief."), *_GREETING, _ASKED, Message("assistant", "Sunny.")),
    "tools": chat(
        _ASKED, Message("assistant", "", tool_calls=(_CALL,)), _ANSWER, Message("assistant", "Clear."), tools=(_TOOL,)
    ),
    "tools later": chat(
        *_GREETING,
        _ASKED,
        Message("assistant", "", tool_calls=(_CALL,)),
        _ANSWER,
        Message("assistant", "Clear."),
        Message("user", "Thanks"),
        Message("assistant", "Bye!"),
        tools=(_TOOL,),
    ),
    "reasoning": chat(
        Message("user", "Hi"),
        Message("assistant", "Hello!", reasoning="They greet."),
        _ASKED,
        Message("assistant", "Sunny.", reasoning="I look."),
    ),
    "tools and reasoning": chat(
        _ASKED,
        Message("assistant", "", reasoning="I call.", tool_calls=(_CALL,)),
        _ANSWER,
        Message("assistant", "Clear.", reasoning="I know."),
        tools=(_TOOL,),
    ),
}


@functools.cache
def of_family(name: str) -> PreTrainedTokenizerFast:
    """A tokenizer with the chat template `name` that TRL ships."""
    return with_template((TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8"))


def with_template(template: str, adds_bos: bool = False, parts: Any = _PARTS, added: tuple[str, ...] = ()) -> Any:
    """A byte-level BPE tokenizer whose special tokens are <s>, </s> and those that `template` names."""
    inner = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=parts is None)
    split = [] if parts is None else [pre_tokenizers.Split(parts, "isolated")]
    inner.pre_tokenizer = pre_tokenizers.Sequence([*split, byte_level])  # type: ignore[assignment]
    inner.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    letters = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        [_TEXT] * 3,
        trainers.BpeTrainer(
            vocab_size=400, initial_alphabet=letters, special_tokens=["<s>", "</s>"], show_progress=False
        ),
    )
    if adds_bos:
        inner.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])  # type: ignore[assignment]
    made = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")
    special = sorted({*_SPECIAL.findall(template), *added} - {"<s>", "</s>"})
    made.add_tokens([AddedToken(each, special=True, normalized=False) for each in special])
    made.chat_template = template
    return made


def as_sentencepiece(template: str, prepend: str) -> Any:
    """A tokenizer that writes a space as part of a word, as Llama 2 and Mistral do.

    `prepend`: "always", "first" or "never" adds one to the start of a text, "normalizer" to every stretch of it.
    """
    inner = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    if prepend == "normalizer":
        inner.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])  # type: ignore[assignment]
    else:
        inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend, split=False)  # type: ignore[assignment]
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    inner.train_from_iterator(
        [_TEXT] * 3, trainers.BpeTrainer(vocab_size=500, special_tokens=pieces, show_progress=False)
    )
    stripped = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    inner.decoder = decoders.Sequence(stripped)  # type: ignore[assignment]
    made = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    made.add_tokens(
        [AddedToken(each, special=True, normalized=False) for each in sorted({*_SPECIAL.findall(template)})]
    )
    made.chat_template = template
    return made
