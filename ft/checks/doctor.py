"""What a person should know of a dataset before training on it: findings with advice, examples and a fix."""

from __future__ import annotations

import re
import statistics
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from formats.conversation import Conversation
from formats.texts import placeholders
from ft.checks import control, thoughts
from ft.checks.language import Languages
from ft.checks.private import KINDS, found_in, mask, part_of, redact, redacted
from ft.dataset.change import Change, deletion, training
from ft.dataset.split import opening
from ft.figures import count

Fix = Literal["", "delete", "reason", "redact", "strip", "untrain"]
EXAMPLES = 5
FEW = 50  # conversations
_A_PROGRESS = 500
_SPEAKERS = ("user", "assistant")
_REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial intelligence)(?: language)? (?:model|assistant)\b|\bI(?:'m| am) (?:just )?an? ai\b"
    r"|\bI(?:'m| am) (?:sorry|afraid),? (?:but )?I (?:can(?:no|')t|am (?:not able|unable))"
    r"|\bI can(?:no|')t (?:assist|help) with (?:that|this)|\bals (?:ein )?KI-(?:Sprach)?modell\b",
    re.IGNORECASE,
)
_ENDS = tuple(".!?:;)]}>\"'`*|~\u2026\u3002\uff01\uff1f\u300d\u300f\u201d\u2019\u00bb")


@dataclass(frozen=True, slots=True)
class _Mend:
    """A fix that changes texts: what it makes of a conversation, of a piece that is shown, and what was done then."""

    conversation: Callable[[Conversation], Conversation]
    piece: Callable[[str], str]
    done: str


_MENDS: dict[Fix, _Mend] = {
    "reason": _Mend(thoughts.reasoned, lambda text: mask(thoughts.shown(text)), "with the thoughts as reasoning now"),
    "redact": _Mend(redacted, redact, "redacted"),
    "strip": _Mend(control.cleaned, lambda text: mask(control.without(text)), "without control tokens now"),
}


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation that shows a finding: its row (0: the first), and a piece of its text with private data masked.

    `after`: the same piece as the usual fix leaves it, where that changes texts.
    """

    row: int
    text: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: in which rows, what it does to a model and what to do, and which fixes put it right, the usual
    one first."""

    code: str
    title: str
    advice: str
    rows: tuple[int, ...]
    examples: tuple[Example, ...]
    fixes: tuple[Fix, ...] = ()


@dataclass(slots=True)
class _Seen:
    rows: dict[str, array[int]] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def add(self, code: str, row: int, text: str, start: int | None = None, end: int | None = None) -> None:
        """Note what was found in a row; its `text` is shown from `start` to `end`, or shortened."""
        rows = self.rows.setdefault(code, array("q"))
        if not rows or rows[-1] != row:
            rows.append(row)
            kept = self.examples.setdefault(code, [])
            if len(kept) < EXAMPLES:
                cut = part_of(text, start, end)
                mend = _MENDS.get(next(iter(FINDINGS[code][2]), ""))
                kept.append(Example(row, mask(cut), mend.piece(cut) if mend else ""))


# code: title, advice, the fixes (the usual one first). {n} is how many conversations.
FINDINGS: dict[str, tuple[str, str, tuple[Fix, ...]]] = {
    "few": (
        "Few conversations",
        "A model learns a manner of speaking from 50 to 100 good conversations, and a task from a few hundred. With "
        "fewer, train only briefly and compare often. There are {n}.",
        (),
    ),
    "short_replies": (
        "Replies of one word",
        "{n} conversations end with a reply of one word. If that is what you want, keep them; else the model learns to "
        "be curt.",
        ("delete", "untrain"),
    ),
    "refusals": (
        "Refusals and \u201cAs an AI language model\u201d",
        "{n} conversations hold a reply that refuses, or speaks of itself as an AI. The model learns to refuse too, "
        "also where it should not. Delete them, or keep them as context only.",
        ("delete", "untrain"),
    ),
    "cut_replies": (
        "Replies that end in the middle",
        "{n} conversations hold a long reply that ends without a full stop or inside a code block, where most others "
        "do not. A model that learns from them stops in the middle too.",
        ("untrain", "delete"),
    ),
    "outliers": (
        "Unusually long conversations",
        "{n} conversations are many times longer than most. They cost memory and time, and are the first that the "
        "maximum length cuts. See them under Tokens.",
        (),
    ),
    "system_in_part": (
        "A system message in some only",
        "{n} conversations have no system message, and the others do. In the chat, use it as you trained: with it, or "
        "without.",
        (),
    ),
    "dominant_prompt": (
        "One prompt again and again",
        "{n} conversations begin with the same words. The model gives that opening more weight than the rest.",
        (),
    ),
    "contradictions": (
        "The same prompt, different replies",
        "{n} conversations ask the same as an earlier one and are answered otherwise. Good for variety; bad for facts, "
        "where the model learns to guess.",
        (),
    ),
    "languages": (
        "Another language than most",
        "{n} conversations are in another language than most. If the model is to speak both, keep them; a few are too "
        "few to learn a language from, and enough to make a model slip into it.",
        ("delete",),
    ),
    "thoughts": (
        "Thoughts in the text of replies",
        "{n} conversations hold a reply with its thought in the text, between tokens such as <|begin_of_thought|>. As "
        "reasoning, it is written as the base model's own template has it. A system message may ask for these tokens.",
        ("reason", "delete"),
    ),
    "control_tokens": (
        "Control tokens in the text",
        "{n} conversations hold text such as <|im_end|> or [INST], with which chat templates part the turns. A model "
        "whose own tokens they are reads the end of a turn there; for another one they are noise that it learns to "
        "write. Mostly they are left over from a file made for another model. Take them out.",
        ("strip", "delete"),
    ),
    "placeholders": (
        "Unfilled placeholders",
        "{n} conversations hold placeholders such as {{{{name}}}}. The model learns to write them as they are. Upload "
        "the file again and fill them under How to read them.",
        (),
    ),
    **{
        kind: (
            f"Private data: {words}",
            f"{{n}} conversations hold {words}. A model can repeat what it was trained on, word for word. Redact them: "
            f"each becomes [{kind.upper()}], and other private data in these conversations goes too.",
            ("redact",),
        )
        for kind, words in KINDS.items()
    },
}


def examine(
    conversations: Iterable[Conversation],
    progress: Callable[[int], None] | None = None,
    languages: Languages | None = None,
) -> list[Finding]:
    """What is worth knowing of the conversations. One pass, with a few dozen bytes kept of each.

    `languages`: None loads it, which takes half a second.
    """
    languages = languages or Languages()
    seen = _Seen()
    lengths = array("q")
    openings: Counter[int] = Counter()
    answers: dict[int, int] = {}
    first_with: dict[int, str] = {}
    spoken: list[str] = []
    without_system = array("q")
    long_replies = 0
    for row, conversation in enumerate(conversations):
        if progress and row % _A_PROGRESS == 0:
            progress(row)
        replies = [message.content for message in conversation.messages if message.role == "assistant"]
        last = replies[-1] if replies else ""
        whole = "\n".join(message.content for message in conversation.messages)
        lengths.append(len(whole))
        learnt = [message.content for message in conversation.messages if message.role == "assistant" and message.train]
        if len(last.split()) == 1 and learnt[-1:] == [last] and not conversation.messages[-1].tool_calls:
            seen.add("short_replies", row, last)
        for reply in learnt:
            if match := _REFUSAL.search(reply):
                seen.add("refusals", row, reply, match.start())
            if len(reply) >= 300:
                long_replies += 1
                if reply.count("```") % 2 or not reply.rstrip().endswith(_ENDS):
                    seen.add("cut_replies", row, reply)
        for message in conversation.messages:
            for piece in found_in(message.content):
                seen.add(piece.kind, row, message.content, piece.start, piece.end)
            text = message.content
            if message.role == "assistant" and thoughts.found_in(text):
                seen.add("thoughts", row, text)
                text = thoughts.without_tokens(text)
            if token := control.found_in(text) or control.found_in(message.reasoning or ""):
                seen.add("control_tokens", row, token.string, token.start())
            if placeholders(message.content):
                seen.add("placeholders", row, message.content)
        if conversation.messages[0].role != "system":
            without_system.append(row)
        asked = opening(conversation)
        key = hash(asked)
        openings[key] += 1
        if len(first_with) < 100_000 and key not in first_with:
            first_with[key] = part_of(asked)
        if len(replies) == 1:
            answer = hash(last)
            if answers.setdefault(key, answer) != answer:
                seen.add("contradictions", row, asked)
        spoken.append(languages.of("\n".join(each.content for each in conversation.messages if each.role in _SPEAKERS)))
    total = len(lengths)
    if total < FEW:
        seen.rows["few"] = array("q", range(total))
    if len(seen.rows.get("cut_replies", ())) * 2 > long_replies:  # then that is how replies end here
        seen.rows.pop("cut_replies", None)
    _lengths(seen, lengths)
    if 0 < len(without_system) < total:
        seen.rows["system_in_part"] = without_system
    if openings and total >= 20:
        key, times = openings.most_common(1)[0]
        if times >= 5 and times * 10 > total:
            seen.rows["dominant_prompt"] = array("q", range(times))
            seen.examples["dominant_prompt"] = [Example(-1, mask(first_with.get(key, "")))]
    (main, _), *_ = Counter(filter(None, spoken)).most_common(1) or [("", 0)]
    for row, language in enumerate(spoken):
        if language not in ("", main):
            seen.add("languages", row, f"{language}, where most are {main}")
    return _findings(seen)


def _lengths(seen: _Seen, lengths: array[int]) -> None:
    if len(lengths) < 20:
        return
    middle = statistics.median(lengths)
    spread = statistics.median(abs(length - middle) for length in lengths)
    limit = max(middle * 8, middle + 20 * spread, 4000)
    for row, length in enumerate(lengths):
        if length > limit:
            seen.add("outliers", row, f"{length:,} characters; most have about {middle:,.0f}")


def _findings(seen: _Seen) -> list[Finding]:
    found = []
    for code, rows in seen.rows.items():
        title, advice, fixes = FINDINGS[code]
        words = advice.format(n=f"{len(rows):,}")
        whole = code in ("few", "dominant_prompt")  # of the dataset, not of single conversations
        examples = tuple(seen.examples.get(code, ()))
        found.append(Finding(code, title, words, () if whole else tuple(rows), examples, fixes))
    return sorted(found, key=lambda each: ("redact" not in each.fixes, each.code != "few", -len(each.rows)))


def change(finding: Finding, chosen: dict[int, Conversation], fix: Fix = "") -> Change:
    """The change that puts the finding right by that fix of it ("": the usual one); `chosen` holds the conversations of
    its rows.

    Raises:
        ValueError: the finding has no such fix.
    """
    fix = fix or next(iter(finding.fixes), "")
    if not fix or fix not in finding.fixes:
        raise ValueError(f"there is no fix {fix!r} for {finding.code}")
    if fix == "delete":
        return deletion(finding.rows)
    if mend := _MENDS.get(fix):
        replaced = {row: new for row, old in chosen.items() if (new := mend.conversation(old)) != old}
        return Change(f"{count(len(replaced), 'conversation')} {mend.done}", replace=replaced)
    return training(chosen, False)
