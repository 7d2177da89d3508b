"""Personal data and keys in texts: found, shown masked, and redacted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import Literal

from msgspec.structs import replace
from phonenumbers import Leniency, PhoneNumberMatcher

from formats.conversation import Conversation, Message
from ft.checks.excerpt import around, shortened

Kind = Literal["key", "email", "phone", "card", "iban"]
KINDS: dict[Kind, str] = {
    "key": "keys and passwords",
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "card": "card numbers",
    "iban": "bank accounts (IBAN)",
}
_PATTERNS: dict[Kind, re.Pattern[str]] = {
    "key": re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
        r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
        r"|\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
        r"|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{40,}"
        r"|\bhf_[A-Za-z0-9]{30,}|\bAIza[0-9A-Za-z_-]{35}|\bglpat-[A-Za-z0-9_-]{20,}"
        r"|\bxox[abposr]-[A-Za-z0-9-]{10,}|\b[sr]k_(?:live|test)_[A-Za-z0-9]{20,}"  # Slack, Stripe
        r"|(?<=://)[^\s/:@]+:[^\s/:@]+(?=@)"  # name and password in an address
    ),
    "iban": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "card": re.compile(r"\b(?:\d[ -]?){12,18}\d\b"),
}
# E-mail addresses, and JSON web tokens: how they end, the letters that stand before that, and how these begin.
_DOMAIN = re.compile(r"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b")
_LOCAL_LETTERS = ascii_letters + digits + "._%+-"
_LOCAL_START = re.compile(r"\b(?=[A-Za-z0-9._%+-])")
_TOKEN = re.compile(r"\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")
_TOKEN_LETTERS = ascii_letters + digits + "_-"
_TOKEN_START = re.compile(r"\beyJ[A-Za-z0-9_-]{10}")
# What a text must hold before the slower pattern of a kind is tried.
_HINTS: dict[Kind, re.Pattern[str]] = {
    "key": re.compile(r"PRIVATE KEY|AKIA|ASIA|sk-|gh[pousr]_|github_pat_|hf_|AIza|glpat-|xox|k_(?:live|test)_|://"),
    "iban": re.compile(r"[A-Z]\d\d"),
    "card": re.compile(r"\d[ -]?\d[ -]?\d[ -]?\d"),
}
_MAYBE_PHONE = re.compile(r"[+(]?\d[\d ().\-/]{6,}\d")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, from `start` to before `end`, and what it is."""

    kind: Kind
    start: int
    end: int


def found_in(text: str) -> list[Piece]:
    """The personal data and keys in a text, in its order; none overlaps another."""
    taken: list[Piece] = []
    for pieces in _candidates(text):
        taken = _with(pieces, taken)
    return taken


def _with(pieces: Iterable[Piece], taken: list[Piece]) -> list[Piece]:
    """Both lists in the order of the text, without those of `pieces` that overlap one before them or one of `taken`."""
    free, place, added = 0, 0, []
    for piece in pieces:
        while place < len(taken) and taken[place].end <= piece.start:
            place += 1
        if piece.start >= free and (place == len(taken) or taken[place].start >= piece.end):
            added.append(piece)
            free = piece.end
    return sorted([*taken, *added], key=_start) if added else taken


def _start(piece: Piece) -> int:
    return piece.start


def _candidates(text: str) -> Iterator[Iterable[Piece]]:
    """What may be a piece, in the order of the text: one kind after another, the surest first."""
    keys = [Piece("key", *span) for span in _behind(text, _TOKEN, ".eyJ", _TOKEN_LETTERS, _TOKEN_START)]
    yield sorted([*keys, *_matches("key", text)], key=_start)
    yield (Piece("email", *span) for span in _behind(text, _DOMAIN, "@", _LOCAL_LETTERS, _LOCAL_START))
    yield _matches("iban", text, _is_iban)
    yield _matches("card", text, _is_card)
    if _MAYBE_PHONE.search(text):
        for region in (None, "US"):  # None: those written with a country's code
            found = PhoneNumberMatcher(text, region, leniency=Leniency.STRICT_GROUPING)
            yield (Piece("phone", each.start, each.end) for each in found)


def _matches(kind: Kind, text: str, passes: Callable[[str], bool] = bool) -> Iterator[Piece]:
    if _HINTS[kind].search(text):
        for match in _PATTERNS[kind].finditer(text):
            if passes(match[0]):
                yield Piece(kind, match.start(), match.end())


def _behind(
    text: str, ending: re.Pattern[str], hint: str, letters: str, beginning: re.Pattern[str]
) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of `letters`, from where `beginning` is first met in it, that `ending` follows.

    As one pattern it would try each letter of a long run as the beginning, and read the rest of the run each time.
    """
    if hint not in text:
        return
    free, match = 0, ending.search(text)
    while match:
        run = free + len(text[free : match.start()].rstrip(letters))
        first = beginning.search(text, run, match.start())
        if first:
            yield first.start(), match.end()
        free = match.end() if first else match.start() + 1
        match = ending.search(text, free)


def _is_card(text: str) -> bool:
    """Whether the digits are those of a card: a known first digit, and Luhn's check digit."""
    digits = [int(character) for character in text if character.isdigit()]
    if not 13 <= len(digits) <= 19 or digits[0] not in (3, 4, 5, 6):
        return False
    doubled = [digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    """Whether it is an IBAN by its check digits (ISO 13616)."""
    plain = text.replace(" ", "")
    return 15 <= len(plain) <= 34 and int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def mask(text: str) -> str:
    """The text with each piece shown by its first and last two characters only."""
    return _replaced(text, lambda piece, held: f"{held[:2]}…{held[-2:]}" if len(held) > 8 else "…")


def redact(text: str) -> str:
    """The text with each piece replaced by what it was: [EMAIL], [PHONE], ..."""
    return _replaced(text, lambda piece, held: f"[{piece.kind.upper()}]")


def _replaced(text: str, word: Callable[[Piece, str], str]) -> str:
    parts, end = [], 0
    for piece in found_in(text):
        parts += [text[end : piece.start], word(piece, text[piece.start : piece.end])]
        end = piece.end
    return "".join(parts) + text[end:]


def part_of(text: str, start: int | None = None, end: int | None = None) -> str:
    """The text around a place in it, or shortened, to be masked or redacted: no piece is cut in two."""
    pieces = [(piece.start, piece.end) for piece in found_in(text)]
    return shortened(text, pieces) if start is None else around(text, start, end, pieces)


def redacted(conversation: Conversation) -> Conversation:
    """The conversation without personal data and keys, in texts, reasoning and the arguments of calls."""
    return replace(conversation, messages=tuple(map(_message, conversation.messages)))


def _message(message: Message) -> Message:
    return replace(
        message,
        content=redact(message.content),
        reasoning=None if message.reasoning is None else redact(message.reasoning),
        tool_calls=tuple(replace(call, arguments=_arguments(call.arguments)) for call in message.tool_calls),
    )


def _arguments(text: str) -> str:
    """The arguments of a call, which stay JSON, with each of their values redacted."""
    if not found_in(text):
        return text
    return json.dumps(_value(json.loads(text)), ensure_ascii=False)


def _value(value: object) -> object:
    if isinstance(value, dict):
        return {key: _value(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_value(held) for held in value]
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        written = str(value)
        clean = redact(written)
        return value if clean == written else clean
    return value
