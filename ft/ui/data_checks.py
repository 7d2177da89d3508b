"""The Check-up panel of the Data tab: what a person should know of the dataset, with examples and a fix for each."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from ft.checks.doctor import Finding, Fix, change, examine
from ft.dataset import parquet
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.ui import alerts, data_choice
from ft.ui.background import Say, follow
from ft.ui.data_change import applied, required, unchanged
from ft.ui.data_filters import Rows
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import PRIVATE, Question, on_change

_FIXES: dict[Fix, str] = {
    "delete": "Delete these conversations",
    "reason": "Make them the reasoning",
    "redact": "Redact them as [{code}]",
    "strip": "Take them out",
    "untrain": "Do not learn from them",
}
_AT_MOST = 2  # fixes of a finding


@dataclass(frozen=True, slots=True)
class Found:
    """What the check-up found in the version or upload at the path `of`, and the codes that a person does not mind."""

    of: str = ""
    findings: tuple[Finding, ...] = ()
    ignored: frozenset[str] = frozenset()

    def shown(self) -> list[Finding]:
        """Those that are not ignored."""
        return [each for each in self.findings if each.code not in self.ignored]

    def one(self, code: str | None) -> Finding | None:
        """The finding of that code."""
        return next((each for each in self.findings if each.code == code), None)


def build(shared: Shared, staged: gr.BrowserState, only: gr.State, panels: gr.Tabs) -> None:
    """Lay the panel out and wire it. `only` takes the rows that the Conversations panel is to show."""
    check = gr.Button("Check the dataset", scale=0, min_width=170)
    problem, status = alerts.place(), gr.HTML(visible=False)
    words = gr.HTML()
    there = gr.Radio([], label="Findings", elem_classes="choice-list", visible=False, elem_id="data-findings")
    detail = gr.HTML(elem_id="data-finding")
    with gr.Row(visible=False, elem_classes="actions") as actions:
        fixes = [gr.Button("", size="sm", scale=0, min_width=170, visible=False) for _ in range(_AT_MOST)]
        show = gr.Button("Show these conversations", size="sm", scale=0, min_width=180)
        ignore = gr.Button("Ignore it", size="sm", scale=0, min_width=90)
    found = gr.State(Found())
    here = [shared.dataset, staged]
    one = [detail, actions, *fixes, show]
    all_of_it = [found, status, words, there, *one, problem]
    looked = [check.click(look, here, all_of_it, concurrency_limit=1, **PRIVATE)]
    there.input(choose, [found, there], one, **PRIVATE)
    ignore.click(without, [found, there], [found, words, there, *one], **PRIVATE)
    show.click(show_rows, [found, there], [only, panels], **PRIVATE)
    for place, fix in enumerate(fixes):
        mended = fix.click(
            partial(mend, place=place),
            [*here, found, there],
            [staged, shared.edited, *all_of_it],
            concurrency_limit=2,
            **PRIVATE,
        )
        looked.append(mended)
    stale = Question(forget, [*here, found], all_of_it)
    shared.forgetting.append(stale)
    on_change(looked, *stale)


def forget(dataset: str, staged: str, found: Found) -> tuple[Any, ...]:
    """What was found is no longer of what is looked at, unless it is."""
    if data_choice.still_looked_at(dataset, staged, found.of):
        return tuple(gr.skip() for _ in range(_OUTPUTS + 1))
    return Found(), gr.HTML("", visible=False), *_empty(), alerts.hidden()


def _empty() -> tuple[Any, ...]:
    return "", gr.Radio([], visible=False), *_nothing()


def _nothing() -> tuple[Any, ...]:
    return "", gr.Row(visible=False), *(gr.skip() for _ in range(_AT_MOST + 1))


_OUTPUTS = 7 + _AT_MOST  # of a look, without the place of its refusal


def _ended() -> tuple[Any, ...]:
    return gr.skip(), gr.HTML("", visible=False), *(gr.skip() for _ in range(_OUTPUTS - 2))


@alerts.told(outputs=_OUTPUTS, ended=_ended)
def look(dataset: str, staged: str) -> Iterator[tuple[Any, ...]]:
    """Check the dataset, and show what was found."""
    yield from _look(required(dataset, staged), frozenset())


def _look(looked: Version | Staged, ignored: frozenset[str]) -> Iterator[tuple[Any, ...]]:
    def work(say: Say) -> Generator[list[Finding], None, None]:
        def progress(done: int) -> None:
            say(f"{counted(done, 'conversation')} checked")

        yield examine(looked.conversations(), progress)

    begun = Found(str(looked.path), (), ignored)
    yield begun, _status("Checking"), *_empty()
    with closing(follow(work)) as news:
        for each in news:
            if isinstance(each, list):
                found = replace(begun, findings=tuple(each))
                yield found, gr.HTML("", visible=False), *_shown(found)
            elif each:
                yield gr.skip(), _status(each), *(gr.skip() for _ in range(_OUTPUTS - 2))


def _status(words: str) -> Any:
    return gr.HTML(f'<p class="working" role="status">{escape(words)} …</p>', visible=True)


def _shown(found: Found) -> tuple[Any, ...]:
    """The words, the list, and its first finding."""
    shown = found.shown()
    left = len(found.findings) - len(shown)
    also = f" {left:,} ignored; check the dataset to see all again." if left else ""
    if not shown:
        against = "Nothing else to say against it." if left else "Nothing to say against it."
        return f'<p class="note" role="status">{against}{also}</p>', *_empty()[1:]
    choices = [
        (f"{each.title}" + (f" · {counted(len(each.rows), 'conversation')}" if each.rows else ""), each.code)
        for each in shown
    ]
    words = f'<p class="note" role="status">{counted(len(shown), "thing")} worth a look.{also}</p>'
    return words, gr.Radio(choices, value=shown[0].code, visible=True), *choose(found, shown[0].code)


def choose(found: Found, code: str | None) -> tuple[Any, ...]:
    """One finding: its advice, its examples, and what can be done."""
    one = found.one(code)
    if one is None:
        return _nothing()
    buttons = [
        gr.Button(
            _FIXES[fix].format(code=one.code.upper()),
            variant="stop" if fix == "delete" else "secondary",
            visible=True,
        )
        for fix in one.fixes
    ]
    return (
        f"<h3>{escape(one.title)}</h3><p>{escape(one.advice)}</p>{_examples(one)}",
        gr.Row(visible=True),
        *buttons,
        *(gr.Button(visible=False) for _ in range(_AT_MOST - len(buttons))),
        gr.Button(visible=bool(one.rows)),
    )


def _examples(one: Finding) -> str:
    lines = ""
    for each in one.examples:
        number = f"<b>{each.row + 1:,}</b> " if each.row >= 0 else ""
        after = f'<br><span class="quiet">after:</span> {escape(each.after)}' if each.after else ""
        lines += f"<li>{number}{escape(each.text)}{after}</li>"
    return f'<div class="alike"><p class="quiet">For example</p><ul>{lines}</ul></div>' if lines else ""


def without(found: Found, code: str | None) -> tuple[Any, ...]:
    """The findings without that one."""
    rest = replace(found, ignored=found.ignored | {code or ""})
    return rest, *_shown(rest)


def show_rows(found: Found, code: str | None) -> tuple[Any, Any]:
    """Show the conversations of a finding in the Conversations panel."""
    one = found.one(code)
    return Rows(one.title, one.rows, found.of) if one else None, gr.Tabs(selected="conversations")


def _mending_ended() -> tuple[Any, ...]:
    return gr.skip(), gr.skip(), *_ended()


@alerts.told(outputs=2 + _OUTPUTS, ended=_mending_ended)
def mend(dataset: str, staged: str, found: Found, code: str | None, *, place: int) -> Iterator[tuple[Any, ...]]:
    """Put a finding right by the fix at that place, then check again; what was ignored stays so."""
    one = found.one(code)
    if one is None or place >= len(one.fixes):
        raise UserError("no finding", "there is nothing to put right.", "Check the dataset first.")
    looked = unchanged(dataset, staged, found.of)
    fix = one.fixes[place]
    chats = parquet.take(looked.conversations_path, one.rows) if fix != "delete" else []
    made = change(one, dict(zip(one.rows, chats, strict=True)) if chats else {}, fix)
    if not (made.delete or made.replace):
        raise UserError("those conversations", "there is nothing left in them to change.", "Check the dataset again.")
    id, edited = applied(dataset, staged, made)
    if isinstance(id, str):  # an upload: its new id says that it was edited, and is known no sooner in the browser
        edited = gr.skip()
    after = required(dataset, id if isinstance(id, str) else staged)
    for number, update in enumerate(_look(after, found.ignored)):
        yield *((id, edited) if number == 0 else (gr.skip(), gr.skip())), *update
