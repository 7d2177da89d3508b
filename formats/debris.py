"""What was saved along with a text from ChatGPT's page: its markup, the labels of its buttons, its footers."""

from __future__ import annotations

import re
from typing import Any

from bs4 import BeautifulSoup
from bs4.builder._htmlparser import BeautifulSoupHTMLParser, HTMLParserTreeBuilder
from markdownify import MarkdownConverter

LONGEST = 200_000  # characters of a text whose markup is read: a reply is shorter
_DEEPEST = 200  # tags inside each other
_UNCLOSED = 50  # tags that never end: html.parser reads to the end of the text for each
_GROWTH = 4  # times its length that a text may get: a table's cell can ask for a thousand columns
# The site's own markup around a reply, which nobody writes by hand.
_MARKUP = re.compile(
    r'<div class="(?:markdown|flex flex-grow|min-h-\[|whitespace-pre-wrap|bg-black)|<code class="!whites'
)
_COPIED = re.compile(
    r"^(?:(`{3,}[ \t]*[\w+#.-]+)[ \t]*|(`{3,}[ \t]*))\n?(?:Copy code)+[ \t]*\n?"
    r"|^([\w+#.-]{1,20})\nCopy code[ \t]*\n",
    re.M,
)
_FOOTER = re.compile(r"\n?^Copy\d+ chars / \d+ words[ \t]*$", re.M)


def has_debris(text: str) -> bool:
    """Whether `without_debris` may change the text."""
    return _has_markup(text) or ("Copy code" in text and bool(_COPIED.search(text)))


def without_debris(text: str) -> str:
    """The text as Markdown, without what the page added. Markup that cannot be read stays as it is."""
    if _has_markup(text):
        try:
            text = _as_markdown(text) or text
        except (RecursionError, AssertionError, ValueError):  # nested too deeply, a broken <![, numbers that are none
            return text
    return _FOOTER.sub("", _COPIED.sub(lambda found: f"{found[1] or found[2] or found[3]}\n", text))


def _has_markup(text: str) -> bool:
    return "<" in text and len(text) <= LONGEST and bool(_MARKUP.search(text))


def _as_markdown(text: str) -> str:
    page = BeautifulSoup(text, builder=_Builder())
    for button in page.find_all(["button", "svg"]):
        button.decompose()
    for block in page.find_all("pre"):
        code = block.find("code")
        if code is not None:
            block.clear()
            block.append(code)
    converter = MarkdownConverter(heading_style="ATX", code_language_callback=_language, escape_misc=False)
    made = converter.convert_soup(page).strip()
    if len(made) > _GROWTH * len(text):
        raise _Unreadable
    return made


def _language(block: object) -> str:
    """The language of a code block, from the class of its <code>."""
    code = block.find("code") if hasattr(block, "find") else None
    names = (code.get("class") or []) if code is not None else []
    return next((name.removeprefix("language-") for name in names if name.startswith("language-")), "")


class _Unreadable(ValueError):
    """Markup that would take too much time or memory."""


class _Parser(BeautifulSoupHTMLParser):
    """The parser of Beautiful Soup, which gives up where its time would grow with the square of the text."""

    _unclosed = 0

    def parse_starttag(self, i: int) -> int:
        return self._counted(super().parse_starttag(i))

    def parse_endtag(self, i: int) -> int:
        return self._counted(super().parse_endtag(i))

    def parse_comment(self, i: int, report: Any = True) -> int:
        return self._counted(super().parse_comment(i, report))

    def parse_pi(self, i: int) -> int:
        return self._counted(super().parse_pi(i))

    def parse_html_declaration(self, i: int) -> int:
        return self._counted(super().parse_html_declaration(i))

    def _counted(self, end: int) -> int:
        """`end` is where a tag ends, below 0 where it does not."""
        self._unclosed += end < 0
        if self._unclosed > _UNCLOSED or len(self.soup.tagStack) > _DEEPEST:
            raise _Unreadable
        return end


class _Builder(HTMLParserTreeBuilder):
    """What makes Beautiful Soup read by that parser."""

    def feed(self, markup: Any, *others: Any) -> None:
        assert self.soup is not None
        arguments, named = self.parser_args
        parser = _Parser(self.soup, *arguments, **named)
        parser.feed(markup)
        parser.close()
