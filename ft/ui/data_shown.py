"""Which conversations a page of the list shows, and which of them a button is pressed for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ft.dataset import staging
from ft.dataset.browse import Filter
from ft.errors import UserError
from ft.ui import data_choice
from ft.ui.data_filters import NO_FILTERS
from ft.ui.tab import mark


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the page: these rows of the dataset, of which the first is the `start`-th (0: the first) that passes
    the filters `wanted`; `added` conversations had been added to the dataset until then. `of` is the version or upload
    that the rows, and those that were chosen, are of: an edit in another window makes another one, with other rows.

    `filters` are the same as a person asked for them, in the order of NO_FILTERS. A page that is drawn again takes them
    from here: what an event brings from the browser may be older than what was asked for since.

    `later`: the id of the next state of an upload, where somebody had gone back. `exact`: the hash of each conversation
    (`ft.dataset.fingerprint.exact`). `earlier`: the pages before this one, the newest first. A button is pressed on the
    page that somebody sees, which may not be the newest yet.
    """

    rows: tuple[int, ...] = ()
    start: int = 0
    added: int = 0
    of: str = ""
    wanted: Filter | None = None
    filters: tuple[Any, ...] = NO_FILTERS
    exact: tuple[int, ...] = ()
    earlier: tuple[Shown, ...] = ()
    later: str = ""

    @property
    def mark(self) -> str:
        """What tells the browser's page from others."""
        return mark(repr((self.of, self.rows, self.exact)))

    def as_seen(self, drawn: str) -> Shown:
        """This page or the earlier one whose mark is `drawn`.

        Raises:
            UserError: it is none of them, as of a page that was opened before a restart.
        """
        for each in (self, *self.earlier):
            if each.mark == drawn:
                return each
        raise unknown()


def on_card(do: Callable[..., Any], dataset: str, staged: str, shown: Shown, drawn: str, *more: Any, place: int) -> Any:
    """What `do` makes of the conversation at that place of the page that somebody sees: its mark is `drawn`."""
    seen = shown.as_seen(drawn)
    return do(dataset, _newest(staged, seen), seen, *more, place=place)


def _newest(staged: str, seen: Shown) -> str:
    """The upload's state to change: the one that was made of `staged` since that page was drawn, which the browser does
    not know of yet, where there is one. Else the one change would be lost by the other."""
    now = data_choice.upload_of(staged)
    if now is None or not data_choice.is_of(now, seen.of):
        return staged
    known, after = seen.later, staging.later(now)
    while after is not None and after.id != known:
        staged, known, after = after.id, "", staging.later(after)
    return staged


def unknown() -> UserError:
    return UserError("the conversation", "this page does not know any more which it shows.", "Load the page again.")
