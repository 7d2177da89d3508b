"""The Duplicates panel of the Data tab: what is the same or nearly so, in groups, and one click to keep one of each."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from html import escape
from typing import Any

import gradio as gr
import pyarrow.compute as pc

from ft.dataset import near, parquet
from ft.dataset.near import Group
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.ui import alerts, data_choice
from ft.ui.background import Say, follow
from ft.ui.data_change import applied, required, unchanged
from ft.ui.data_view import shortened
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import PRIVATE, Question, forget_with, on_change

_DRAWN = 12  # groups
_OF_A_GROUP = 4  # conversations
_TEXT = 160  # characters
Found = tuple[str, list[Group]]  # the path of what is or was looked through, and its groups


def build(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay the panel out and wire it."""
    near_too = gr.Checkbox(True, label="Near duplicates too")
    with gr.Accordion("How near", open=False):
        threshold = gr.Slider(
            0.5,
            1.0,
            near.THRESHOLD,
            step=0.05,
            label="Alike from",
            info="**Jaccard index** of runs of 3 words · 1 is the same · usual 0.7 to 0.9",
        )
    find = gr.Button("Look for duplicates", scale=0, min_width=180)
    problem = alerts.place()
    with gr.Column(elem_id="data-groups"):
        status = gr.HTML(visible=False)
        keep = gr.Button("Keep one of each", variant="stop", visible=False, scale=0, min_width=180)
        shown = gr.HTML()
    groups = gr.State(None)
    here = [shared.dataset, staged]
    found = [groups, status, shown, keep, problem]
    looked = find.click(look, [*here, near_too, threshold], found, concurrency_limit=1, **PRIVATE)
    keep.click(keep_one, [*here, groups], [staged, shared.edited, problem], **PRIVATE)
    stale = Question(forget, [*here, groups], found)
    shared.forgetting.append(stale)
    on_change([looked], *stale)
    forget_with([near_too, threshold], nothing_found, found)


def forget(dataset: str, staged: str, found: Found | None) -> tuple[Any, ...]:
    """What was found is no longer of what is looked at, unless it is."""
    if data_choice.still_looked_at(dataset, staged, found[0] if found else ""):
        return tuple(gr.skip() for _ in range(5))
    return nothing_found()


def nothing_found() -> tuple[Any, ...]:
    """No groups, and nothing to delete."""
    return None, gr.HTML("", visible=False), "", gr.Button(visible=False), alerts.hidden()


def look(dataset: str, staged: str, near_too: bool, threshold: float) -> Iterator[tuple[Any, ...]]:
    """Look for groups, and show them."""
    try:
        looked = required(dataset, staged)

        def work(say: Say) -> Generator[list[Group], None, None]:
            def progress(done: int) -> None:
                say(f"{counted(done, 'conversation')} compared")

            yield near.groups(looked.conversations(), threshold=threshold if near_too else None, progress=progress)

        yield (str(looked.path), []), _status("Comparing"), "", gr.Button(visible=False), alerts.hidden()
        with closing(follow(work)) as news:
            for each in news:
                if isinstance(each, list):
                    said, drawn = gr.HTML(words(looked, each), visible=True), markup(looked, each)
                    yield (str(looked.path), each), said, drawn, _button(each), alerts.hidden()
                elif each:
                    yield gr.skip(), _status(each), gr.skip(), gr.skip(), gr.skip()
    except Exception as error:
        yield None, gr.HTML("", visible=False), "", gr.Button(visible=False), alerts.shown(error)


def _status(words: str) -> Any:
    return gr.HTML(f'<p class="working" role="status">{escape(words)} …</p>', visible=True)


def _button(groups: list[Group]) -> Any:
    more = sum(len(group.rows) - 1 for group in groups)
    return gr.Button(f"Keep one of each, delete {more:,}", visible=bool(groups))


def words(looked: Version | Staged, groups: list[Group]) -> str:
    """How many groups there are, and how many stand on both sides of the split, as HTML."""
    if not groups:
        return '<p class="note" role="status">No two conversations are alike.</p>'
    held_out = pc.equal(parquet.index(looked.conversations_path)["split"], "validation").to_pylist()
    across = near.across(groups, held_out.__getitem__)
    said = f"{counted(len(groups), 'group')} of conversations that are alike."
    if across:
        stand = "stands" if len(across) == 1 else "stand"
        said += f" {len(across):,} of them {stand} on both sides of the split, so a part of what is held out is learnt."
    return f'<p class="note" role="status">{said}</p>'


def markup(looked: Version | Staged, groups: list[Group]) -> str:
    """The groups as HTML, all text escaped."""
    drawn = "".join(_group(looked, group) for group in groups[:_DRAWN])
    if len(groups) > _DRAWN:
        drawn += f'<p class="quiet">{counted(len(groups) - _DRAWN, "further group")}, not drawn here.</p>'
    return drawn


def _group(looked: Version | Staged, group: Group) -> str:
    rows = group.rows[:_OF_A_GROUP]
    chats = parquet.take(looked.conversations_path, rows)
    lines = []
    for row, chat in zip(rows, chats, strict=True):
        text = " / ".join(message.content for message in chat.messages if message.role != "system")
        lines.append(f"<li><b>{row + 1:,}</b> {escape(shortened(text, _TEXT))}</li>")
    if len(group.rows) > len(rows):
        lines.append(f"<li>and {len(group.rows) - len(rows):,} more</li>")
    alike = "the same but for case and spaces" if group.kind == "same" else f"at least {group.similarity:.0%} alike"
    head = f'<p class="quiet">{len(group.rows):,} conversations, {alike}</p>'
    return f'<div class="alike">{head}<ul>{"".join(lines)}</ul></div>'


@alerts.told(outputs=2)
def keep_one(dataset: str, staged: str, found: Found | None) -> tuple[Any, Any]:
    """Delete all but the first of each group; `found` by a look."""
    of, groups = found or ("", [])
    if not groups:
        raise UserError("no group", "nothing was found to delete.", "Look for duplicates first.")
    unchanged(dataset, staged, of)
    return applied(dataset, staged, near.removal(groups))
