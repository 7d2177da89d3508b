"""What was made linear finds what the plain pattern for it finds: in all ordinary texts, and in odd ones."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from markdownify import MarkdownConverter
from phonenumbers import Leniency, PhoneNumberMatcher

from formats import debris
from ft.checks import private
from ft.checks.language import _NO_LANGUAGE

EMAIL = re.compile(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b")
WEB_TOKEN = r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
KEY = re.compile(f"{WEB_TOKEN}|{private._PATTERNS['key'].pattern}")
COPIED = re.compile(
    r"^(`{3,}[ \t]*[\w+#.-]*)[ \t]*\n?(?:Copy code)+[ \t]*\n?|^([\w+#.-]{1,20})\nCopy code[ \t]*\n", re.M
)
NO_LANGUAGE = re.compile(r"```[\s\S]*?(?:```|$)|`[^`\n]*`|https?://\S+|\{\{.*?\}\}|[{}\[\]<>|=_#*\\/\"\d]+")

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
PRIVATE = [
    *("ada@example.org", "a.b+c@mail.example.co.uk", "@", ".", "-", "_", "%", "é", "ö.k", " ", "\n", ",", "x", "7"),
    *("@b.de", TOKEN, TOKEN[:20], "eyJ", ".eyJ", "aaaaaaaaaaaa", "://", "user:pass", "sk-abcdefghijklmnopqrstuvwx"),
    *("AKIAABCDEFGHIJKLMNOP", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "+49 30 123456", "(212) 555-0123"),
    *("hf_" + "a" * 30, "mailto:"),
]
COPYING = ["```", "`", " ", "\t", "\n", "python", "c++", "Copy code", "Copy", "code", "x = 1", "\nCopy code\n", "````"]
SPEAKING = ["{{name}}", "{{", "}}", "{", "}", "the quick fox", " ", "\n", "`x`", "```", "https://a.b/c ", "12", "é"]
MARKUP = [
    *('<div class="markdown prose">', "</div>", "<p>", "</p>", "<b>", "</b>", "<pre>", "</pre>", "<br>", "<a href=x>"),
    *("</a>", "<code>", "</code>", '<code class="language-c">', "<ul>", "<li>", "</li>", "<button>", "</button>"),
    *("<table><tr><td>1</td></tr></table>", "a < b", "<!-- x -->", "&amp;", "&#x;", "words", " ", "<3", "<a ", '"'),
    *("<!x>", "\n"),
]


def texts(pieces, most=12):
    return st.lists(st.sampled_from(pieces), max_size=most).map("".join)


def plainly_found(text: str) -> list[private.Piece]:
    """By one pattern a kind, each piece held against all before it."""
    taken: list[private.Piece] = []

    def take(kind, start, end):
        if not any(start < other.end and other.start < end for other in taken):
            taken.append(private.Piece(kind, start, end))

    for kind, pattern, passes in (
        ("key", KEY, bool),
        ("email", EMAIL, bool),
        ("iban", private._PATTERNS["iban"], private._is_iban),
        ("card", private._PATTERNS["card"], private._is_card),
    ):
        for match in pattern.finditer(text):
            if passes(match[0]):
                take(kind, match.start(), match.end())
    for region in (None, "US"):
        for found in PhoneNumberMatcher(text, region, leniency=Leniency.STRICT_GROUPING):
            take("phone", found.start, found.end)
    return sorted(taken, key=lambda piece: piece.start)


@settings(max_examples=600, deadline=None)
@given(texts(PRIVATE))
def test_private_data_is_found_as_by_plain_patterns(text):
    found = plainly_found(text)
    assert private.found_in(text) == found
    redacted = text
    for piece in reversed(found):
        redacted = f"{redacted[: piece.start]}[{piece.kind.upper()}]{redacted[piece.end :]}"
    assert private.redact(text) == redacted


@settings(max_examples=600, deadline=None)
@given(texts(COPYING))
def test_labels_of_buttons_go_as_by_the_plain_pattern(text):
    expected = debris._FOOTER.sub("", COPIED.sub(lambda found: f"{found[1] or found[2]}\n", text))
    assert debris.without_debris(text) == expected
    assert debris.has_debris(text) == bool(COPIED.search(text))


@settings(max_examples=300, deadline=None)
@given(texts(MARKUP, most=25))
def test_markup_is_read_as_by_the_plain_parser(text):
    text = '<div class="markdown prose">' + text
    page, plain = BeautifulSoup(text, builder=debris._Builder()), BeautifulSoup(text, "html.parser")
    assert page.decode() == plain.decode()
    assert MarkdownConverter().convert_soup(page) == MarkdownConverter().convert_soup(plain)


@settings(max_examples=500, deadline=None)
@given(texts(SPEAKING))
def test_what_is_in_no_language_goes_but_for_braces_inside_braces(text):
    if "{{" not in re.sub(r"\{\{[^{}]*\}\}", "", text):
        assert _NO_LANGUAGE.sub(" ", text) == NO_LANGUAGE.sub(" ", text)
