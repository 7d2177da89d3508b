"""A number that may be left out: empty stays empty, and what is written is read as people write numbers."""

from __future__ import annotations

import gradio as gr
import pytest

from ft.errors import UserError
from ft.ui import app
from ft.ui.optional_number import number_in


@pytest.mark.parametrize(
    ("written", "number"),
    [
        *((empty, None) for empty in ("", "  ", None)),
        *((text, 1500.0) for text in ("1500", " 1,500 ", "1 500", "1'500", "1\u202f500", "1,500.00")),
        *((text, 2.5) for text in ("2.5", "2,5", "2.50")),
        *((text, 0.5) for text in (".5", "0,5")),
        ("0", 0.0),
        ("1,234,567", 1234567.0),
    ],
)
def test_a_number_is_read_as_people_write_it(written: str, number: float | None):
    assert number_in(written, "Price") == number


@pytest.mark.parametrize("written", ["many", "-5", "1e9", "nan", "inf", "1 2", "1,2,3", "0x10", "9" * 20, "."])
def test_what_is_no_number_is_refused_in_words(written: str):
    with pytest.raises(UserError, match="it is not a number from 0 on"):
        number_in(written, "Price")


def test_no_number_field_of_the_page_is_empty_at_the_start(home):
    """Gradio's own shows 0 where there is no number, which looks like a limit that somebody set."""
    fields = [block for block in app.build().blocks.values() if isinstance(block, gr.Number)]
    assert fields and [field.label for field in fields if field.value is None] == []


def test_a_number_below_the_least_is_refused_with_the_least():
    assert number_in("1", "Length", least=1) == 1 and number_in("", "Length", least=1) is None
    with pytest.raises(UserError, match="from 1 on"):
        number_in("0", "Length", least=1)
