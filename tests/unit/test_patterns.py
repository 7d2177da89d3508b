"""No text stops the app: each regular expression of the source reads a hostile megabyte in linear time."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import patterns
import pytest

CARELESS = [
    r"^(`{3,}[ \t]*[\w+#.-]*)[ \t]*\n?(?:Copy code)+",
    r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b",
    r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    r"\b(arguments|tools): (?:\w+<\w+: )*struct<",
    r"\{\{.*?\}\}",
    r"\w+://",
    r" +$",
    r"(a+)+b",
]


def test_every_pattern_is_found_where_it_stands():
    found = patterns.patterns()
    texts = [
        path.read_text(encoding="utf-8") for name in ("formats", "ft") for path in (patterns.ROOT / name).rglob("*.py")
    ]
    assert len(found) == sum(len(re.findall(rf"\bre\.(?:{'|'.join(patterns.FUNCTIONS)})\(", text)) for text in texts)
    assert "re.Pattern" not in "".join(re.findall(r"^from re import.*$", "\n".join(texts), re.M))
    assert any(each.compiled.flags & re.IGNORECASE for each in found)


@pytest.mark.parametrize("careless", CARELESS)
def test_a_pattern_that_is_not_linear_is_found_out_by_texts_of_its_own_pieces(careless, monkeypatch):
    monkeypatch.setattr(patterns, "SECONDS", 0.3)
    compiled = re.compile(careless, re.M)
    assert any(patterns.is_slow(compiled, text) for text in patterns.own_texts(careless))


@pytest.mark.parametrize(
    ("length", "most", "every"),
    [
        (patterns.LENGTH // 4, 20, 1),
        pytest.param(patterns.LENGTH, patterns.MOST, 1, marks=pytest.mark.slow),
        pytest.param(1_000_000, 10, 4, marks=pytest.mark.slow),
    ],
)
def test_every_pattern_reads_hostile_texts_in_linear_time(length, most, every):
    command = [sys.executable, patterns.__file__, *map(str, (length, most, every))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    assert [json.loads(line) for line in done.stdout.splitlines()] == []
