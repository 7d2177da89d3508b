"""What happens in the Conversations panel: each function takes components' values and gives their updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from formats.conversation import Conversation
from ft.dataset import browse, change, parquet, staging
from ft.dataset.fingerprint import exact
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.ui import alerts, data_choice, data_view
from ft.ui.data_change import applied, required, unchanged
from ft.ui.data_filters import CHIPS, NO_FILTERS, Rows, chips, filter_of
from ft.ui.data_shown import Shown, unknown
from ft.ui.strings import counted

PAGE = 5  # conversations
_FIELDS = (0, 1, 2, 4, 5, 6)  # the places of filters that hang on no dataset: text, side, kind, order, lengths
_PAGE_OUTPUTS = 9 + len(CHIPS) + 3 * PAGE
_EARLIER = 8  # pages that are remembered: a browser is rarely further behind


def show(dataset: str, staged: str, only: Rows | None, before: Shown) -> tuple[Any, ...]:
    """The first page of what is looked at, nothing chosen; then the files to choose from, and where refusals go. What
    is on the page already stays as it is, with what was chosen since."""
    return _shown(dataset, staged, only, before, at_the_start=True)


def show_again(dataset: str, staged: str, only: Rows | None, before: Shown) -> tuple[Any, ...]:
    """After a change: the same page of it, or where one was added, the last. Rows have moved, so nothing is chosen."""
    return _shown(dataset, staged, only, before, at_the_start=False)


def _shown(dataset: str, staged: str, only: Rows | None, before: Shown, at_the_start: bool) -> tuple[Any, ...]:
    as_they_are = tuple(gr.skip() for _ in _FIELDS)
    skips = (*_skips(), [], gr.Row(visible=False), gr.skip())
    try:
        looked = data_choice.looked_at(dataset, staged)
        if looked is None:
            return (*skips, *as_they_are, alerts.hidden())
        names = browse.files(looked.conversations_path)
        another = bool(before.of) and not data_choice.is_of(looked, before.of)
        wanted = NO_FILTERS if another else before.filters  # those of another dataset may let nothing of this one pass
        fields = tuple(NO_FILTERS[place] for place in _FIELDS) if another else as_they_are
        known = wanted[3] if wanted[3] in names else ""
        filters = (*wanted[:3], known, *wanted[4:-1], only)
        files = gr.Dropdown([("Any", ""), *((name, name) for name in names)], value=known)
        if (before.of, before.wanted) == (str(looked.path), filter_of(looked, *filters)):
            return (*_skips(), gr.skip(), gr.skip(), files, *as_they_are, alerts.hidden())
        page = _page(looked, filters, 0 if at_the_start else _start(looked, before), [], before)
        return (*page, [], gr.Row(visible=False), files, *fields, alerts.hidden())
    except UserError as error:
        return (*skips, *as_they_are, alerts.shown(error))


def _start(looked: Version | Staged, before: Shown) -> int | None:
    """Where to start after a change; None: at the last page, where what was added is."""
    if before.of and not data_choice.is_of(looked, before.of):
        return 0  # another dataset, as after a deletion
    return None if _added(looked) > before.added else before.start


def _added(looked: Version | Staged) -> int:
    return int(looked.report.get("added", 0))


@alerts.told(outputs=_PAGE_OUTPUTS)
def find(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    """The first page of what passes the filters."""
    *filters, shown, chosen = given
    return _turned(dataset, staged, filters, shown, 0, chosen)


@alerts.told(outputs=len(NO_FILTERS) + _PAGE_OUTPUTS)
def find_all(dataset: str, staged: str, shown: Shown, chosen: list[int]) -> tuple[Any, ...]:
    """Filters that let all pass, and the first page of that."""
    return *NO_FILTERS, *_turned(dataset, staged, NO_FILTERS, shown, 0, chosen)


@alerts.told(outputs=1 + _PAGE_OUTPUTS)
def find_without(dataset: str, staged: str, shown: Shown, chosen: list[int], *, place: int) -> tuple[Any, ...]:
    """The filter at that place of all as it is where it lets all pass, and the first page of what passes the rest."""
    filters = shown.filters
    rest = (*filters[:place], NO_FILTERS[place], *filters[place + 1 :])
    return NO_FILTERS[place], *_turned(dataset, staged, rest, shown, 0, chosen)


@alerts.told(outputs=_PAGE_OUTPUTS)
def page_before(dataset: str, staged: str, shown: Shown, chosen: list[int]) -> tuple[Any, ...]:
    return _turned(dataset, staged, shown.filters, shown, shown.start - PAGE, chosen)


@alerts.told(outputs=_PAGE_OUTPUTS)
def page_after(dataset: str, staged: str, shown: Shown, chosen: list[int]) -> tuple[Any, ...]:
    return _turned(dataset, staged, shown.filters, shown, shown.start + PAGE, chosen)


def _turned(
    dataset: str, staged: str, filters: Sequence[Any], shown: Shown, start: int, chosen: list[int]
) -> tuple[Any, ...]:
    if data_choice.looked_at(dataset, staged) is None:
        return _skips()
    return _page(unchanged(dataset, staged, shown.of), filters, start, chosen, shown)


def _skips() -> tuple[Any, ...]:
    return tuple(gr.skip() for _ in range(_PAGE_OUTPUTS))


def _page(
    looked: Version | Staged, filters: Sequence[Any], start: int | None, chosen: list[int], before: Shown
) -> tuple[Any, ...]:
    wanted = filter_of(looked, *filters)
    found = browse.find(looked.conversations_path, wanted)
    last = max(0, (len(found) - 1) // PAGE * PAGE)
    start = last if start is None else max(0, min(start, last))
    rows = found[start : start + PAGE]
    chats = parquet.take(looked.conversations_path, rows)
    slots: list[Any] = []
    for place in range(PAGE):
        if place < len(rows):
            chat = data_view.bubbles([chats[place]], rows[place] + 1)
            slots += [gr.Column(visible=True), chat, gr.Checkbox(value=rows[place] in chosen)]
        else:
            slots += [gr.Column(visible=False), "", gr.skip()]
    earlier = (replace(before, earlier=()), *before.earlier)[:_EARLIER]
    exacts = tuple(map(exact, chats))
    after = staging.later(looked) if isinstance(looked, Staged) else None
    later = after.id if after else ""
    shown = Shown(tuple(rows), start, _added(looked), str(looked.path), wanted, tuple(filters), exacts, earlier, later)
    pages = len(found) > PAGE
    where = f"{start + 1:,} to {start + len(rows):,} of {len(found):,}" if pages else ""
    return (
        f'<p class="quiet" role="status">{_words(len(found), looked.report["kept"])}</p>',
        f'<p class="quiet">{where}</p>',
        gr.Button(visible=pages, interactive=start > 0),
        gr.Button(visible=pages, interactive=start < last),
        gr.Button(f"Choose all {len(found):,}", visible=bool(found)),
        *chips(filters, wanted),
        shown,
        shown.mark,
        *slots,
    )


def _words(found: int, total: int) -> str:
    """How many pass, of how many."""
    if not found:
        return f"None of {counted(total, 'conversation')} passes these filters."
    return counted(total, "conversation") if found == total else f"{found:,} of {total:,} conversations"


def tick(ticked: bool, chosen: list[int], shown: Shown, drawn: str, *, place: int) -> Any:
    """As `choose`; nothing of a page that is about to be drawn anew, with nothing chosen."""
    return choose(ticked, chosen, shown, place=place) if shown.as_seen(drawn) is shown else gr.skip()


def choose(ticked: bool, chosen: list[int], shown: Shown, *, place: int) -> tuple[list[int], Any, str]:
    """Choose the conversation at that place of the page, or not; then the bar of what is chosen."""
    row = _row(shown, place)
    rest = [each for each in chosen if each != row]
    now = sorted([*rest, row] if ticked else rest)
    return now, *_bar(now)


@alerts.told(outputs=3 + PAGE)
def choose_all(dataset: str, staged: str, shown: Shown, chosen: list[int]) -> tuple[Any, ...]:
    """Choose all that pass the filters, beside what is chosen already."""
    looked = unchanged(dataset, staged, shown.of)
    found = browse.find(looked.conversations_path, filter_of(looked, *shown.filters))
    now = sorted({*chosen, *found})
    return now, *_bar(now), *[True] * PAGE


@alerts.told(outputs=3 + PAGE)
def choose_none() -> tuple[Any, ...]:
    """Nothing is chosen any more."""
    return [], *_bar([]), *[False] * PAGE


def _bar(chosen: list[int]) -> tuple[Any, str]:
    return gr.Row(visible=bool(chosen)), f'<p role="status"><b>{len(chosen):,} chosen</b></p>'


@alerts.told(outputs=2)
def copy(dataset: str, staged: str, shown: Shown, place: int) -> tuple[Any, Any]:
    _, row, chat = conversation_at(dataset, staged, shown, place)
    return applied(dataset, staged, change.duplication(row, chat))


@alerts.told(outputs=2)
def delete(dataset: str, staged: str, shown: Shown, place: int) -> tuple[Any, Any]:
    _, row = _found(dataset, staged, shown, place)
    return applied(dataset, staged, change.deletion([row]))


@alerts.told(outputs=2)
def delete_many(dataset: str, staged: str, shown: Shown, chosen: list[int]) -> tuple[Any, Any]:
    unchanged(dataset, staged, shown.of)
    return applied(dataset, staged, change.deletion(_some(chosen)))


@alerts.told(outputs=2)
def mute_many(dataset: str, staged: str, shown: Shown, chosen: list[int]) -> tuple[Any, Any]:
    return _train_many(dataset, staged, shown, chosen, False)


@alerts.told(outputs=2)
def unmute_many(dataset: str, staged: str, shown: Shown, chosen: list[int]) -> tuple[Any, Any]:
    return _train_many(dataset, staged, shown, chosen, True)


def _train_many(dataset: str, staged: str, shown: Shown, chosen: list[int], trained: bool) -> tuple[Any, Any]:
    rows = _some(chosen)
    chats = parquet.take(unchanged(dataset, staged, shown.of).conversations_path, rows)
    marked = change.training(dict(zip(rows, chats, strict=True)), trained)
    if not marked.replace:
        raise UserError("those conversations", "they are marked so already.", "Choose others.")
    return applied(dataset, staged, marked)


def _some(chosen: list[int]) -> list[int]:
    if not chosen:
        raise UserError("no conversation", "none is chosen.", "Tick Choose under some, or choose all.")
    return chosen


def conversation_at(dataset: str, staged: str, shown: Shown, place: int) -> tuple[Version | Staged, int, Conversation]:
    """What is looked at, the row of the conversation that is at that place of the page, and the conversation."""
    looked, row = _found(dataset, staged, shown, place)
    return looked, row, parquet.take(looked.conversations_path, [row])[0]


def _found(dataset: str, staged: str, shown: Shown, place: int) -> tuple[Version | Staged, int]:
    """What is looked at, and the row in which it has what is at that place of the page: also where the page is of a
    version before, and other rows have gone since.

    Raises:
        UserError: nothing is known to be there; or it is not there any more; or another dataset is looked at.
    """
    row = _row(shown, place)
    looked = required(dataset, staged)
    if shown.of in ("", str(looked.path)) or not shown.exact or not data_choice.is_of(looked, shown.of):
        return unchanged(dataset, staged, shown.of), row
    now = browse.find_exact(looked.conversations_path, shown.exact[place], row)
    if now is None:
        why = "it was deleted or changed since this was drawn."
        raise UserError(f"conversation {row + 1:,}", why, "Look at the list as it is now.")
    return looked, now


def _row(shown: Shown, place: int) -> int:
    """Raises: UserError: nothing is known to be there, as of a page that was opened before a restart."""
    if not isinstance(place, int) or not 0 <= place < len(shown.rows):
        raise unknown()
    return shown.rows[place]
