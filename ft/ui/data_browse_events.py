"""What happens in the Conversations panel: each function takes components' values and gives their updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from formats.conversation import Conversation
from ft.dataset import browse, change, parquet
from ft.dataset.browse import Filter
from ft.dataset.draft import EMPTY, draft
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.ui import alerts, data_choice, data_view
from ft.ui.data_change import applied, unchanged
from ft.ui.data_editor import Editing
from ft.ui.strings import counted

PAGE = 5  # conversations
_PAGE_OUTPUTS = 7 + 3 * PAGE
NO_FILTERS = ("", "", "", "", "file", None, None, None)  # text, side, kind, file, order, shortest, longest, only


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the page: these rows of the dataset, of which the first is the `start`-th (0: the first) that passes
    the filters `wanted`; `added` conversations had been added to the dataset until then. `of` is the version or upload
    that the rows, and those that were chosen, are of: an edit in another window makes another one, with other rows."""

    rows: tuple[int, ...] = ()
    start: int = 0
    added: int = 0
    of: str = ""
    wanted: Filter | None = None


def show(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    """The first page of what is looked at, nothing chosen; then the files to choose from, and where refusals go. What
    is on the page already stays as it is, with what was chosen since."""
    *filters, before = given
    return _shown(dataset, staged, filters, before, at_the_start=True)


def show_again(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    """After a change: the same page of it, or where one was added, the last. Rows have moved, so nothing is chosen."""
    *filters, before = given
    return _shown(dataset, staged, filters, before, at_the_start=False)


def _shown(dataset: str, staged: str, filters: Sequence[Any], before: Shown, at_the_start: bool) -> tuple[Any, ...]:
    skips = (*_skips(), [], gr.Row(visible=False), gr.skip())
    try:
        looked = data_choice.looked_at(dataset, staged)
        if looked is None:
            return (*skips, alerts.hidden())
        names = browse.files(looked.conversations_path)
        known = filters[3] if filters[3] in names else ""
        filters = (*filters[:3], known, *filters[4:])
        files = gr.Dropdown([("Any", ""), *((name, name) for name in names)], value=known)
        wanted = _filter(*filters)
        if (before.of, before.wanted) == (str(looked.path), wanted):
            return (*_skips(), gr.skip(), gr.skip(), files, alerts.hidden())
        page = _page(looked, wanted, 0 if at_the_start else _start(looked, before), [])
        return (*page, [], gr.Row(visible=False), files, alerts.hidden())
    except UserError as error:
        return (*skips, alerts.shown(error))


def _start(looked: Version | Staged, before: Shown) -> int | None:
    """Where to start after a change; None: at the last page, where what was added is."""
    if before.of and Path(before.of).parent != looked.path.parent:
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


@alerts.told(outputs=_PAGE_OUTPUTS)
def page_before(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    *filters, shown, chosen = given
    return _turned(dataset, staged, filters, shown, shown.start - PAGE, chosen)


@alerts.told(outputs=_PAGE_OUTPUTS)
def page_after(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    *filters, shown, chosen = given
    return _turned(dataset, staged, filters, shown, shown.start + PAGE, chosen)


def _turned(
    dataset: str, staged: str, filters: Sequence[Any], shown: Shown, start: int, chosen: list[int]
) -> tuple[Any, ...]:
    if data_choice.looked_at(dataset, staged) is None:
        return _skips()
    return _page(unchanged(dataset, staged, shown.of), _filter(*filters), start, chosen)


def _skips() -> tuple[Any, ...]:
    return tuple(gr.skip() for _ in range(_PAGE_OUTPUTS))


def _filter(
    text: str,
    side: str,
    kind: str,
    file: str,
    order: str,
    shortest: float | None,
    longest: float | None,
    only: tuple[str, list[int]] | None,
) -> Filter:
    return Filter(
        text=(text or "").strip(),
        side=side or "",
        file=file or "",
        tools=kind == "tools",
        repair="any" if kind == "repaired" else "",
        untrained=kind == "untrained",
        at_least=int(shortest or 0),
        at_most=int(longest or 0),
        rows=None if only is None else tuple(only[1]),
        order=order or "file",
    )


def _page(looked: Version | Staged, wanted: Filter, start: int | None, chosen: list[int]) -> tuple[Any, ...]:
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
    pages = len(found) > PAGE
    where = f"{start + 1:,} to {start + len(rows):,} of {len(found):,}" if pages else ""
    return (
        f'<p class="quiet" role="status">{_words(len(found), looked.report["kept"], wanted)}</p>',
        f'<p class="quiet">{where}</p>',
        gr.Button(visible=pages, interactive=start > 0),
        gr.Button(visible=pages, interactive=start < last),
        gr.Button(f"Choose all {len(found):,}", visible=bool(found)),
        gr.Button(visible=wanted != Filter(order=wanted.order)),
        Shown(tuple(rows), start, _added(looked), str(looked.path), wanted),
        *slots,
    )


def _words(found: int, total: int, wanted: Filter) -> str:
    """How many pass, of how many."""
    if not found:
        return "No conversation passes these filters."
    words = counted(total, "conversation") if found == total else f"{found:,} of {total:,} conversations"
    return words if wanted.rows is None else f"{words}, found by the check-up"


def choose(ticked: bool, chosen: list[int], shown: Shown, *, place: int) -> tuple[list[int], Any, str]:
    """Choose the conversation at that place of the page, or not; then the bar of what is chosen."""
    rest = [row for row in chosen if row != shown.rows[place]]
    now = sorted([*rest, shown.rows[place]] if ticked else rest)
    return now, *_bar(now)


@alerts.told(outputs=3 + PAGE)
def choose_all(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    """Choose all that pass the filters, beside what is chosen already."""
    *filters, shown, chosen = given
    found = browse.find(unchanged(dataset, staged, shown.of).conversations_path, _filter(*filters))
    now = sorted({*chosen, *found})
    return now, *_bar(now), *[True] * PAGE


@alerts.told(outputs=3 + PAGE)
def choose_none() -> tuple[Any, ...]:
    """Nothing is chosen any more."""
    return [], *_bar([]), *[False] * PAGE


def _bar(chosen: list[int]) -> tuple[Any, str]:
    return gr.Row(visible=bool(chosen)), f'<p role="status"><b>{len(chosen):,} chosen</b></p>'


@alerts.told(outputs=1)
def edit(dataset: str, staged: str, shown: Shown, place: int) -> Editing:
    """Open the conversation at that place in the editor."""
    row, chat = _one(dataset, staged, shown, place)
    return Editing(row, draft(chat), chat.origin, chat.repairs, shown.of)


def write_new() -> Editing:
    """Open the editor for a new conversation."""
    return Editing(None, EMPTY)


def switch(editing: Editing | None) -> tuple[Any, Any]:
    """Show the list, or the editor in its place."""
    return gr.Column(visible=editing is None), gr.Column(visible=editing is not None)


@alerts.told(outputs=2)
def copy(dataset: str, staged: str, shown: Shown, place: int) -> tuple[Any, Any]:
    row, chat = _one(dataset, staged, shown, place)
    return applied(dataset, staged, change.duplication(row, chat))


@alerts.told(outputs=2)
def delete(dataset: str, staged: str, shown: Shown, place: int) -> tuple[Any, Any]:
    unchanged(dataset, staged, shown.of)
    return applied(dataset, staged, change.deletion([shown.rows[place]]))


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


def _one(dataset: str, staged: str, shown: Shown, place: int) -> tuple[int, Conversation]:
    row = shown.rows[place]
    return row, parquet.take(unchanged(dataset, staged, shown.of).conversations_path, [row])[0]
