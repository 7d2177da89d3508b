"""A dataset checked up and put right, told in one document: what the command line and the API give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from formats.conversation import Conversation
from ft.checks.doctor import Finding, Fix, change, examine
from ft.dataset import edit, parquet
from ft.dataset.change import Change
from ft.dataset.heed import heeded
from ft.dataset.remarks import remarks
from ft.dataset.versions import Version
from ft.errors import UserError


def check(
    version: Version,
    fixes: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
    heed: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """What was found, and the dataset after the fixes of those findings, which all make one new version.

    A fix is the code of a finding ("refusals": its usual fix) or names one of its fixes too ("refusals=untrain").

    Gives {"dataset", "version" (the new one where something was put right), "kept", "fixed": [what was done],
    "remarks": [of that version: what to know of it whatever the model],
    "findings": [{"code", "title", "advice", "fixes": [of "delete", "reason", "redact", "strip" and "untrain", the usual
    first], "rows": numbers from 1 (none where it is of the whole dataset), "examples": [{"row", "text", "after" (only
    where the usual fix changes texts: the text after it)}]}]}. Private data in examples is masked.

    What `heed` raises, called for each conversation, ends it.

    Raises:
        UserError: a fix of something that was not found or that has none such.
    """
    found = examine(heeded(version.conversations(), heed), progress)
    chosen = [_named(found, words) for words in dict.fromkeys(fixes)]
    after = version
    done: list[str] = []
    if chosen:
        made, done = _together(version, chosen)
        if made.delete or made.replace:
            changed = edit.apply(version, made)
            assert isinstance(changed, Version)
            after = changed
    return {
        "dataset": after.name,
        "version": after.version,
        "kept": after.count(),
        "fixed": done,
        "remarks": remarks(after),
        "findings": [_as_json(each) for each in found],
    }


def _named(found: Sequence[Finding], words: str) -> tuple[Finding, Fix]:
    """The finding and the fix that "CODE" or "CODE=FIX" name."""
    code, _, named = words.partition("=")
    one = next((each for each in found if each.code == code), None)
    if one is None or not one.fixes:
        why = "that was not found in this dataset." if one is None else "there is no fix for it."
        fixable = ", ".join(each.code for each in found if each.fixes) or "nothing was found that has one"
        raise UserError(f"the fix of {code!r}", why, f"Those that can be put right: {fixable}.")
    fix = next((each for each in one.fixes if each == named), None) if "=" in words else one.fixes[0]
    if fix is None:
        ways = " or ".join(f"{code}={each}" for each in one.fixes)
        raise UserError(f"the fix {words!r}", "it is not put right so.", f"Say {ways}.")
    return one, fix


def _together(version: Version, chosen: Sequence[tuple[Finding, Fix]]) -> tuple[Change, list[str]]:
    """One change for all of them, and what each of them does. What is deleted is not changed before."""
    deleted = frozenset(row for each, fix in chosen if fix == "delete" for row in each.rows)
    rows = sorted({row for each, fix in chosen if fix != "delete" for row in each.rows} - deleted)
    before = dict(zip(rows, parquet.take(version.conversations_path, rows), strict=True))
    now: dict[int, Conversation] = dict(before)
    done = []
    for each, fix in chosen:
        made = change(each, {row: now[row] for row in each.rows if row in now}, fix)
        now.update(made.replace)
        done.append(made.words)
    replaced = {row: conversation for row, conversation in now.items() if conversation != before[row]}
    return Change("; ".join(done), delete=deleted, replace=replaced), done


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "title": finding.title,
        "advice": finding.advice,
        "fixes": list(finding.fixes),
        "rows": [row + 1 for row in finding.rows],
        "examples": [
            {"row": each.row + 1 if each.row >= 0 else None, "text": each.text}
            | ({"after": each.after} if each.after else {})
            for each in finding.examples
        ],
    }
