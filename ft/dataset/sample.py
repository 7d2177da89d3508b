"""The bundled sample: a small dataset to try everything with."""

from __future__ import annotations

from pathlib import Path

from ft.dataset.build import SourceFile

SAMPLE_NAME = "sample"


def sample_file() -> SourceFile:
    """The file of the bundled sample, ready for `ft.dataset.build.stage`."""
    return SourceFile(Path(__file__).with_name("sample.jsonl"), "sample.jsonl")
