"""Our own sentences with our own marks, as HTML. No gradio here, so that it can be tested.

gr.Markdown would draw what others wrote too: a heading, a link, a picture of another host in a name. Here all of the
text is escaped, and of the marks that it may hold there are two: **bold**, and a line that begins with "- ".
"""

from __future__ import annotations

import re
from html import escape
from itertools import groupby

_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")


def html(text: str) -> str:
    """Each line as a paragraph, and lines that begin with "- " as a list."""
    lines = [line for line in text.splitlines() if line.strip()]
    parts = []
    for listed, group in groupby(lines, lambda line: line.startswith("- ")):
        plain = (escape(line.removeprefix("- ") if listed else line) for line in group)
        drawn = (_BOLD.sub(r"<strong>\1</strong>", line) for line in plain)
        items = "".join(f"<li>{line}</li>" if listed else f"<p>{line}</p>" for line in drawn)
        parts.append(f"<ul>{items}</ul>" if listed else items)
    return "".join(parts)
