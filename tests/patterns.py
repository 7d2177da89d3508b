"""Every regular expression of the source, and texts that a careless one takes minutes for.

`python patterns.py LENGTH MOST EVERY` runs each pattern over texts of so many characters, at most MOST of them made of
its own pieces and every EVERYth of those that all patterns get, and prints as JSON Lines which took too long.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

try:
    from re import _constants as codes  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_constants as codes
    import sre_parse as parser

ROOT = Path(__file__).parents[1]
LENGTH = 200_000  # characters
MOST = 300  # texts that are made of one pattern's own pieces
SECONDS = 1.0  # of processor time for one text: a linear pattern takes hundredths
FUNCTIONS = ("compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn")
GENERIC = (
    *(
        " ",
        "\n",
        " \n",
        "\t",
        "`",
        "```",
        "``` ",
        "``` \n",
        "a",
        "A",
        "0",
        "_",
        "-",
        ".",
        "a.",
        "a-",
        "@",
        "a@",
        "a@a.",
    ),
    *("0 ", "0-", "<", "<a", "<|", "<|a", "<div ", '<div class="markdown ', "[", "[[", "[/", "{", "{{", "{{a", "{{ "),
    *("{ ", "}}", '"', '":', '" ', "://", "://a:", "://a:b@", "-eyJaaaaaaaaaa", "-eyJaaaaaaaaaa.", "-----BEGIN ", "&"),
    *("&#", "&lt", "Copy code", "Copy1 ", "\\", "a:", "AA00 ", "AA00AAAA", "+1 ", "(", "I'm sorry ", "as an ai "),
    *("\u00e9", "\u00e9 ", "\U0001f600", "1.", "/", "a/", " (", " free)"),
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression, the place in the source where it stands, and whether it is only tried at a text's start."""

    place: str
    compiled: re.Pattern[Any]
    at_start: bool = False


def patterns(folders: Sequence[str] = ("formats", "ft")) -> list[Pattern]:
    """All regular expressions that are handed to the module re in these folders."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    used = _methods(trees.values())
    found = []
    for path, tree in trees.items():
        names = {id(each.value): each.targets[0] for each in ast.walk(tree) if isinstance(each, ast.Assign)}
        for node in ast.walk(tree):
            if _calls_re(node):
                name = getattr(names.get(id(node)), "id", "")
                methods = used.get(name, {"finditer"}) if node.func.attr == "compile" else {node.func.attr}
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                found.append(Pattern(place, _compiled(node, path), methods <= {"match", "fullmatch"}))
    return found


def _methods(trees: Iterable[ast.AST]) -> dict[str, set[str]]:
    """By name: which methods of it are named anywhere."""
    used: dict[str, set[str]] = {}
    for node in (each for tree in trees for each in ast.walk(tree)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.setdefault(node.value.id, set()).add(node.attr)
    return used


def _calls_re(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    named = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "re"
    return named and called.attr in FUNCTIONS


def _compiled(call: ast.Call, path: Path) -> re.Pattern[Any]:
    """The pattern of a call, with its flags. Its module is imported only where it names something of it."""
    flags = [word.value for word in call.keywords if word.arg == "flags"]
    flags += call.args[1:2] if call.func.attr == "compile" else []
    nodes = [call.args[0], *flags]
    names = {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)} - {"re"}
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    known = vars(importlib.import_module(module)) if names else {"re": re}
    return re.compile(*(eval(compile(ast.Expression(node), str(path), "eval"), dict(known)) for node in nodes))


def pieces(pattern: str | bytes) -> list[tuple[str, str]]:
    """(a beginning, what to repeat after it) of texts that are nearly, but never quite, what the pattern looks for."""
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    made: dict[tuple[str, str], None] = {}
    for before, variant in _repeats(parser.parse(text), ""):
        whole = before + variant
        for head, piece in ((before, variant), ("", whole), ("", f"-{whole}"), ("", f"\n{whole}")):
            if piece:
                made[head, piece] = None
    return list(made)


def _repeats(items: Any, before: str) -> Iterator[tuple[str, str]]:
    """(what stands before it, one form of it) for each part of a parsed pattern."""
    for code, held in items:
        if code is codes.BRANCH:
            for way in held[1]:
                yield from _repeats(way, before)
        elif code is codes.SUBPATTERN:
            yield from _repeats(held[-1], before)
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT) or code == getattr(codes, "POSSESSIVE_REPEAT", None):
            least = max(1, int(held[0]))
            for variant in _forms(held[2]):
                yield before, variant * least
            yield from _repeats(held[2], before)
            for count in range(1, len(held[2])):  # a part of what is repeated
                yield "", before + next(_forms(held[2][:count]))
        elif code in (codes.ASSERT, codes.ASSERT_NOT):
            yield from _repeats(held[1], before)
        before += next(_forms([(code, held)]), "")


def _forms(items: Any) -> Iterator[str]:
    """Some texts that the parts of a parsed pattern match, the plainest first."""
    first, *rest = [list(_of_part(code, held)) for code, held in items] or [[""]]
    plain = "".join(forms[0] for forms in rest)
    for form in first:
        yield form + plain
    for place, forms in enumerate(rest):
        before, after = (
            "".join(each[0] for each in [first, *rest[:place]]),
            "".join(each[0] for each in rest[place + 1 :]),
        )
        for form in forms[1:]:
            yield before + form + after


def _of_part(code: Any, held: Any) -> list[str]:
    if code is codes.LITERAL:
        return [chr(held)]
    if code is codes.IN:
        return _of_set(held)
    if code is codes.NOT_LITERAL:
        return ["a" if held != ord("a") else "b", " " if held != ord(" ") else "a"]
    if code is codes.ANY:
        return ["a", " "]
    if code is codes.BRANCH:
        return [form for way in held[1] for form in _forms(way)]
    if code is codes.SUBPATTERN:
        return list(_forms(held[-1]))
    if code is codes.ASSERT and held[0] < 0:  # what has to stand before it
        return list(_forms(held[1]))
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT) or code == getattr(codes, "POSSESSIVE_REPEAT", None):
        return [form * int(held[0]) for form in _forms(held[2])]
    return [""]


def _of_set(members: Any) -> list[str]:
    forms = []
    for code, held in members:
        if code is codes.NEGATE:
            taken = re.compile("[^" + "".join(re.escape(form) for form in _of_set(members[1:])) + "]")
            return [each for each in ("a", " ", "-", "0", "\n") if taken.match(each)]
        if code is codes.LITERAL:
            forms.append(chr(held))
        elif code is codes.RANGE:
            forms.append(chr(held[0]))
        elif code is codes.CATEGORY:
            forms.append(
                {codes.CATEGORY_DIGIT: "0", codes.CATEGORY_SPACE: " ", codes.CATEGORY_WORD: "a"}.get(held, "-")
            )
    return forms


def own_texts(pattern: str | bytes, length: int = LENGTH, most: int = MOST) -> Iterator[str]:
    """At most so many hostile texts that are made of a pattern's own pieces."""
    made = pieces(pattern)
    for head, piece in made[:: 1 + len(made) // most]:
        yield head + piece * (length // len(piece)) + "\x00"


def is_slow(pattern: re.Pattern[Any], text: str, at_start: bool = False) -> bool:
    """Whether the pattern takes more than SECONDS for the text."""
    given = text if isinstance(pattern.pattern, str) else text.encode()
    signal.signal(signal.SIGVTALRM, _ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        if at_start:
            pattern.match(given)
            pattern.fullmatch(given)
        else:
            for _ in pattern.finditer(given):
                pass
    except _TooSlow:
        return True
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return False


class _TooSlow(Exception):
    pass


def _ring(number: int, frame: object) -> None:
    raise _TooSlow


def main(length: int, most: int, every: int) -> None:
    common = [piece * (length // len(piece)) + "\x00" for piece in GENERIC[::every]]
    for pattern in patterns():
        for text in chain(common, own_texts(pattern.compiled.pattern, length, most)):
            if is_slow(pattern.compiled, text, pattern.at_start):
                print(json.dumps({"place": pattern.place, "text": text[:60]}), flush=True)
                break


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(*map(int, sys.argv[1:]))
