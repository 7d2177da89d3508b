"""The page's style sheets."""

from __future__ import annotations

import re

from ft.ui.theme import STYLES


def test_no_selector_has_a_comma_inside_of_another():
    """Gradio 6.31 writes a rule a second time for the page alone, and takes each comma for the end of a selector: of
    `:not(:has(button, .alert))` it makes what no page ever matches, so that the rule holds always."""
    css = "".join(path.read_text(encoding="utf-8") for path in STYLES)
    selectors = re.findall(r"([^{}]+)\{", re.sub(r"/\*.*?\*/", "", css, flags=re.S))
    assert len(selectors) > 100
    assert [each.strip() for each in selectors if re.search(r"\([^()]*(?:\([^()]*\)[^()]*)*,", each)] == []
