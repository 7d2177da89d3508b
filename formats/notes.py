"""What is worth telling about a conversion beside its conversations and problems, collected while it goes on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from formats.conversation import Origin
from formats.detect import Detection
from formats.problems import writable

EXAMPLES = 3  # of each repair
NO_NAME = "(no name)"  # a column without one, as pandas writes the index
COLUMNS = 200  # that are counted by name: a file whose records all have other keys must not fill the memory


@dataclass(frozen=True, slots=True)
class Example:
    """One record that a repair touched: its text before, and after; at most 400 characters of each."""

    origin: Origin
    before: str
    after: str


@dataclass(slots=True)
class Notes:
    """`formats`: by file, which format was found. `found`: by the code of a repair of texts that is switched off, how
    many records it would touch. `placeholders`: by name, how many records hold it unfilled; `with_placeholders`: how
    many hold any. `ignored`: by column ("messages.refusal": by key of turns), how many records hold something in it
    that a conversation has no place for.
    """

    formats: dict[str, Detection] = field(default_factory=dict)
    found: Counter[str] = field(default_factory=Counter)
    placeholders: Counter[str] = field(default_factory=Counter)
    with_placeholders: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def ignore(self, column: str) -> None:
        """Count one record whose `column` is not carried."""
        if column in self.ignored:
            self.ignored[column] += 1
            return
        name = writable(column[:80]) or NO_NAME
        if name in self.ignored or len(self.ignored) < COLUMNS:
            self.ignored[name] += 1

    def example(self, code: str, origin: Origin, before: str, after: str) -> None:
        """Keep this as an example of the repair `code`, if there are not enough yet."""
        kept = self.examples.setdefault(code, [])
        if len(kept) < EXAMPLES:
            kept.append(Example(origin, _short(before), _short(after)))

    def add(self, later: Notes) -> None:
        """Add what was collected of records that follow those of these notes."""
        for file, format in later.formats.items():
            self.formats.setdefault(file, format)
        for mine, theirs in ((self.found, later.found), (self.placeholders, later.placeholders)):
            mine.update(theirs)
        self.with_placeholders += later.with_placeholders
        for column, count in later.ignored.items():
            if column in self.ignored or len(self.ignored) < COLUMNS:
                self.ignored[column] += count
        for code, examples in later.examples.items():
            kept = self.examples.setdefault(code, [])
            kept += examples[: EXAMPLES - len(kept)]


def _short(text: str) -> str:
    cut = text if len(text) <= 400 else text[:399] + "…"
    return cut.encode("utf-8", "backslashreplace").decode()
