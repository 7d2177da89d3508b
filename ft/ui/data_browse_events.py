"""What happens in the Conversations panel: each function takes components' values and gives their updates."""

from __future__ import annotations

from collections.abc import Sequence
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
from ft.ui.data_change import applied, required
from ft.ui.data_editor import Editing
from ft.ui.strings import counted

PAGE = 5  # conversations
_PAGE_OUTPUTS = 9 + 3 * PAGE


def show(dataset: str, staged: str, *filters: Any) -> tuple[Any, ...]:
    """The first page of what is looked at, nothing chosen; then the files to choose from, and where refusals go."""
    return _shown(dataset, staged, filters, 0)


def show_again(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    """After a change: the same page of it. Rows have moved, so nothing is chosen any more."""
    *filters, start, _ = given
    return _shown(dataset, staged, filters, start)


def _shown(dataset: str, staged: str, filters: Sequence[Any], start: int) -> tuple[Any, ...]:
    try:
        looked = data_choice.looked_at(dataset, staged)
        if looked is None:
            return (*_skips(), [], gr.skip(), alerts.hidden())
        names = browse.files(looked.conversations_path)
        known = filters[3] if filters[3] in names else ""
        filters = (*filters[:3], known, *filters[4:])
        files = gr.Dropdown([("Any", ""), *((name, name) for name in names)], value=known)
        return (*_page(looked, _filter(*filters), start, []), [], files, alerts.hidden())
    except UserError as error:
        return (*_skips(), [], gr.skip(), alerts.shown(error))
    except parquet.DAMAGED as error:
        trouble = UserError("the conversations", f"they cannot be read ({error}).", "Convert the files again.")
        return (*_skips(), [], gr.skip(), alerts.shown(trouble))


@alerts.told(outputs=_PAGE_OUTPUTS)
def find(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    """The first page of what passes the filters."""
    *filters, chosen = given
    return _turned(dataset, staged, filters, 0, chosen)


@alerts.told(outputs=_PAGE_OUTPUTS)
def page_before(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    *filters, start, chosen = given
    return _turned(dataset, staged, filters, start - PAGE, chosen)


@alerts.told(outputs=_PAGE_OUTPUTS)
def page_after(dataset: str, staged: str, *given: Any) -> tuple[Any, ...]:
    *filters, start, chosen = given
    return _turned(dataset, staged, filters, start + PAGE, chosen)


def _turned(dataset: str, staged: str, filters: Sequence[Any], start: int, chosen: list[int]) -> tuple[Any, ...]:
    looked = data_choice.looked_at(dataset, staged)
    return _page(looked, _filter(*filters), start, chosen) if looked else _skips()


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


def _page(looked: Version | Staged, wanted: Filter, start: int, chosen: list[int]) -> tuple[Any, ...]:
    found = browse.find(looked.conversations_path, wanted)
    start = max(0, min(start, (len(found) - 1) // PAGE * PAGE))
    rows = found[start : start + PAGE]
    chats = parquet.take(looked.conversations_path, rows)
    total = looked.report["kept"]
    words = f"{counted(total, 'conversation')}" if len(found) == total else f"{len(found):,} of {total:,} conversations"
    where = f"{start + 1:,} to {start + len(rows):,} of {len(found):,}" if rows else ""
    slots: list[Any] = []
    for place in range(PAGE):
        if place < len(rows):
            chat = data_view.bubbles([chats[place]], rows[place] + 1)
            slots += [gr.Column(visible=True), chat, gr.Checkbox(value=rows[place] in chosen)]
        else:
            slots += [gr.Column(visible=False), "", gr.skip()]
    return (
        f'<p class="quiet" role="status">{words if found else "No conversation passes these filters."}</p>',
        f'<p class="quiet">{where}</p>',
        gr.Button(interactive=start > 0),
        gr.Button(interactive=start + len(rows) < len(found)),
        start,
        rows,
        _scope(chosen, len(found)),
        gr.Row(visible=wanted.rows is not None),
        f'<p class="note">Only {counted(len(found), "conversation")} that the check-up found.</p>',
        *slots,
    )


def _scope(chosen: list[int], found: int | None = None) -> Any:
    mine = (f"The {counted(len(chosen), 'conversation')} chosen" if chosen else "Those chosen (none yet)", "chosen")
    return gr.Radio([mine, ("All that pass the filters" + (f" ({found:,})" if found is not None else ""), "found")])


def choose(ticked: bool, chosen: list[int], rows: list[int], *, place: int) -> tuple[list[int], Any]:
    """Choose the conversation at that place of the page, or not."""
    rest = [row for row in chosen if row != rows[place]]
    now = sorted([*rest, rows[place]] if ticked else rest)
    return now, _scope(now)


@alerts.told(outputs=1)
def edit(dataset: str, staged: str, rows: list[int], place: int) -> Editing:
    """Open the conversation at that place in the editor."""
    row, chat = _one(dataset, staged, rows, place)
    return Editing(row, draft(chat), chat.origin, chat.repairs)


def write_new() -> Editing:
    """Open the editor for a new conversation."""
    return Editing(None, EMPTY)


def switch(editing: Editing | None) -> tuple[Any, Any]:
    """Show the list, or the editor in its place."""
    return gr.Column(visible=editing is None), gr.Column(visible=editing is not None)


@alerts.told(outputs=2)
def double(dataset: str, staged: str, rows: list[int], place: int) -> tuple[Any, Any]:
    row, chat = _one(dataset, staged, rows, place)
    return applied(dataset, staged, change.duplication(row, chat))


@alerts.told(outputs=2)
def delete(dataset: str, staged: str, rows: list[int], place: int) -> tuple[Any, Any]:
    return applied(dataset, staged, change.deletion([rows[place]]))


@alerts.told(outputs=2)
def delete_many(dataset: str, staged: str, *given: Any) -> tuple[Any, Any]:
    return applied(dataset, staged, change.deletion(_many(dataset, staged, given)))


@alerts.told(outputs=2)
def mute_many(dataset: str, staged: str, *given: Any) -> tuple[Any, Any]:
    return _train_many(dataset, staged, given, False)


@alerts.told(outputs=2)
def unmute_many(dataset: str, staged: str, *given: Any) -> tuple[Any, Any]:
    return _train_many(dataset, staged, given, True)


def _train_many(dataset: str, staged: str, given: Sequence[Any], trained: bool) -> tuple[Any, Any]:
    rows = _many(dataset, staged, given)
    chats = parquet.take(required(dataset, staged).conversations_path, rows)
    marked = change.training(dict(zip(rows, chats, strict=True)), trained)
    if not marked.replace:
        raise UserError("those conversations", "they are marked so already.", "Choose others.")
    return applied(dataset, staged, marked)


def _many(dataset: str, staged: str, given: Sequence[Any]) -> list[int]:
    *filters, scope, chosen = given
    rows = browse.find(required(dataset, staged).conversations_path, _filter(*filters)) if scope == "found" else chosen
    if not rows:
        raise UserError(
            "no conversation", "none is chosen.", "Tick Choose under some, or take all that pass the filters."
        )
    return list(rows)


def _one(dataset: str, staged: str, rows: list[int], place: int) -> tuple[int, Conversation]:
    row = rows[place]
    return row, parquet.take(required(dataset, staged).conversations_path, [row])[0]
