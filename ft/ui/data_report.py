"""What converting gave, as HTML: counts, files, repairs, and what was rejected and why. All of it escaped."""

from __future__ import annotations

from html import escape
from typing import Any

from formats.repair import REPAIRS
from ft.ui.strings import counted, format_title
from ft.ui.tables import table


def heading(title: str, state: str, report: dict[str, Any]) -> str:
    """The title of what is looked at, in which state it is, and its counts."""
    rejected = sum(report["rejected"].values())
    splits = report["splits"]
    figures = [
        (report["kept"], "conversations kept", ""),
        (splits["train"], "to train on", ""),
        (splits["validation"], "held out to validate with", ""),
        (rejected, "rejected", "warn" if rejected else ""),
    ]
    tiles = "".join(
        f'<div class="figure {kind}"><dd>{number:,}</dd><dt>{words}</dt></div>' for number, words, kind in figures
    )
    return (
        f'<div class="looked-at"><h2>{escape(title)}</h2><p class="quiet">{escape(state)}</p></div>'
        f'<dl class="figures">{tiles}</dl>{_notes(report)}'
    )


def _notes(report: dict[str, Any]) -> str:
    notes = []
    if report["repaired"]:
        mended = sum(report["repaired"].values())
        notes.append(f"{counted(mended, 'repair was', 'repairs were')} made so that records could be used (see below).")
    if report["duplicates"]:
        same = counted(report["duplicates"], "conversation repeats", "conversations repeat")
        notes.append(f"{same} an earlier one (but for case and spaces): kept, and on the same side of the split.")
    if report.get("placeholders"):
        names = ", ".join(f"{{{{{name}}}}}" for name in list(report["placeholders"])[:5])
        held = counted(report["with_placeholders"], "record holds", "records hold")
        todo = "fill them under How to read them (of a saved dataset, bring the files again), or keep them"
        notes.append(f"{held} unfilled placeholders ({names}): {todo}.")
    for code, number in report.get("found", {}).items():
        left = counted(number, "record is", "records are")
        notes.append(f"{left} left unchanged, because this repair is off: {REPAIRS.get(code, code)}")
    if not report["splits"]["validation"]:
        notes.append(
            "Nothing is held out, so a run cannot say whether the model got better on chats that it has not seen."
        )
    return "".join(f'<p class="note">{escape(note)}</p>' for note in notes)


def details(report: dict[str, Any]) -> str:
    """Tables of the files, the repairs and the rejected records."""
    files = table(
        ["File", "Format", "Why this format", "Read", "Kept"],
        (
            (each["name"], _format(each), each["reason"], f"{each['read']:,}", f"{each['kept']:,}")
            for each in report["files"]
        ),
    )
    parts = [_section("Files", files)]
    if report["repaired"]:
        rows = ((f"{number:,}", REPAIRS.get(code, code)) for code, number in report["repaired"].items())
        body = table(["Records", "What was mended"], rows)
        parts.append(_section("Repaired", body + _examples(report.get("examples", {}))))
    if report.get("placeholders"):
        rows = ((f"{{{{{name}}}}}", f"{number:,}") for name, number in report["placeholders"].items())
        parts.append(_section("Unfilled placeholders", table(["Placeholder", "Records"], rows)))
    if report.get("ignored"):
        rows = ((name, f"{number:,}") for name, number in report["ignored"].items())
        parts.append(_section("Columns that a conversation has no place for", table(["Column", "Records"], rows)))
    if report["rejected"]:
        parts.append(_section("Rejected", _rejected(report)))
    return "".join(parts)


def _format(file: dict[str, Any]) -> str:
    return format_title(file["format"]) if file["read"] else "no chats"


def _examples(examples: dict[str, list[dict[str, Any]]]) -> str:
    """A few records of each repair, before and after, folded away."""
    parts = []
    for code, found in examples.items():
        rows = ((f"{each['file']}, record {each['record']:,}", each["before"], each["after"]) for each in found)
        listed = table(["Where", "Before", "After"], rows)
        parts.append(f"<details><summary>Examples: {escape(str(REPAIRS.get(code, code)))}</summary>{listed}</details>")
    return "".join(parts)


def _rejected(report: dict[str, Any]) -> str:
    problems = report["problems"]
    total = sum(report["rejected"].values())
    rows = (
        (
            each["file"],
            f"{each['record']:,}" if each["record"] else "whole file",
            each["turn"] or "",
            each["field"] or "",
            each["problem"][:1].upper() + each["problem"][1:],
            each["fix"],
        )
        for each in problems
    )
    listed = table(["File", "Record", "Turn", "Field", "Problem", "How to fix it"], rows)
    if len(problems) < total:
        listed += f'<p class="quiet">The first {len(problems):,} of {total:,}; the download below has all of them.</p>'
    return listed


def _section(title: str, body: str) -> str:
    return f'<section class="report-part"><h3>{title}</h3>{body}</section>'
