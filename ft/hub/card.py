"""The dataset card: what is in a dataset, where it came from and what was done to it, as the README of its repository.

The fields at the top are those of https://huggingface.co/docs/hub/datasets-cards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from formats.convert import FORMATS
from formats.problems import PROBLEMS
from formats.repair import REPAIRS
from ft.dataset.versions import Version, list_versions
from ft.figures import count
from ft.markdown import plain_text, table

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(version: Version, title: str, format: str, files: Mapping[str, tuple[str, int]], left_out: int) -> str:
    """The card's text. `files` maps a split to its path in the repository and how many conversations are in it;
    `left_out` counts those that `format` has no place for."""
    from huggingface_hub import DatasetCardData

    total = sum(number for _, number in files.values())
    data = DatasetCardData(
        task_categories=["text-generation"],
        size_categories=[next((name for limit, name in _SIZES if total < limit), "n>1M")],
        tags=["sidetune", "conversational"],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": path} for split, (path, _) in files.items()],
            }
        ],
    )
    parts = [
        f"# {plain_text(title)}",
        f"{count(total, 'conversation')} to fine-tune a chat model on, made with Sidetune.",
    ]
    rows = [(split, f"{number:,}", f"`{path}`") for split, (path, number) in files.items()]
    parts += ["## What is in it", table(("split", "conversations", "file"), rows), _held_out(files), _format(format)]
    if left_out:
        parts.append(f"{count(left_out, 'conversation')} of the dataset cannot be written in this format: left out.")
    parts += ["## Where it came from", *_sources(version), "## What was done to it", *_work(version)]
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _format(format: str) -> str:
    shape = FORMATS.get(format)
    return (
        f"Each line is a record: {shape}." if shape else "The columns are messages, tools, origin, repairs and split."
    )


def _held_out(files: Mapping[str, tuple[str, int]]) -> str:
    if "validation" not in files:
        return ""
    return (
        "The split `validation` is held out: it is chosen by the hash of the first user turn, so that the same opening "
        "is never on both sides. Do not train on it, or nothing is left to measure with."
    )


def _sources(version: Version) -> list[str]:
    rows = [
        (plain_text(str(file.get("url") or file["name"])), f"{file['bytes']:,}", f"`{file['sha256']}`")
        for file in version.source["files"]
    ]
    return [table(("file", "bytes", "SHA-256"), rows)]


def _work(version: Version) -> list[str]:
    report = version.report
    rejected = sum(report["rejected"].values())
    parts = [f"{count(report['read'], 'record')} read, {rejected:,} of them rejected; {report['kept']:,} are kept."]
    if report["rejected"]:
        rows = [(f"{number:,}", PROBLEMS.get(code, str(REPAIRS.get(code, code)))) for code, number in _items(report)]
        parts.append(table(("records", "rejected because"), rows))
    if report["repaired"]:
        mended = [(f"{number:,}", str(REPAIRS.get(code, code))) for code, number in report["repaired"].items()]
        parts.append(table(("records", "mended"), mended))
    if report["duplicates"]:
        parts.append(f"{count(report['duplicates'], 'conversation')} repeat an earlier one but for case and spaces.")
    edits = _edits(version)
    return [*parts, "Edited by hand since:\n\n" + "\n".join(f"- {edit}" for edit in edits)] if edits else parts


def _items(report: Mapping[str, Any]) -> list[tuple[str, int]]:
    return list(report["rejected"].items())


def _edits(version: Version) -> list[str]:
    """What was changed after the files were converted, the first change first."""
    there = {each.version: each for each in list_versions(version.name)}
    edits: list[str] = []
    each: Version | None = version
    while each is not None and each.source.get("edit"):
        edits.append(plain_text(str(each.source["edit"])))
        each = there.get(each.parent)
    before = [plain_text(str(words)) for words in version.source.get("edits", [])]
    return [*before, *edits[::-1]]
