"""How a person wants files read: the format or the columns, which repairs are made, what placeholders stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from formats.columns import Columns
from formats.repair import REPAIRS


@dataclass(frozen=True)
class Reading:
    """`format` is one of `formats.convert.FORMATS` or "auto"; `columns`, where given, are read instead of a format.

    `repairs` maps the codes of repairs to whether they are made, where that differs from their default. `fill` maps the
    names of placeholders ({{name}}) to the text that is put in their place.

    Raises:
        ValueError: a repair's code that there is not.
    """

    format: str = "auto"
    columns: Columns | None = None
    repairs: Mapping[str, bool] = field(default_factory=dict)
    fill: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.repairs) - set(REPAIRS))
        if unknown:
            raise ValueError(f"there is no repair {unknown[0]!r}; the repairs are: {', '.join(sorted(REPAIRS))}")
        off = frozenset(code for code, kind in REPAIRS.items() if not self.repairs.get(code, kind.on))
        object.__setattr__(self, "off", off)

    off: frozenset[str] = field(init=False, repr=False, compare=False)  # codes of the repairs that are not made

    def without_columns(self) -> Reading:
        """The same for a file that does not have the columns."""
        return replace(self, columns=None) if self.columns else self

    def allows(self, code: str) -> bool:
        """Whether the repair of that code is made."""
        return code not in self.off

    def as_json(self) -> dict[str, Any]:
        """What `from_json` makes the same of."""
        columns = self.columns.as_json() if self.columns else None
        return {"format": self.format, "columns": columns, "repairs": dict(self.repairs), "fill": dict(self.fill)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Reading:
        """The reading that `as_json` wrote.

        Raises:
            ValueError: it names columns or repairs that there are not.
        """
        columns = document.get("columns")
        return cls(
            document.get("format") or "auto",
            Columns.from_json(columns) if columns else None,
            document.get("repairs") or {},
            document.get("fill") or {},
        )
