"""The Tokens panel of the Data tab: a conversation as the model sees it, and how long all of them are."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from html import escape
from itertools import groupby
from typing import Any

import gradio as gr
import pandas as pd

from ft.config import TrainConfig
from ft.errors import UserError
from ft.template.microscope import Microscope, Piece
from ft.train import tokens
from ft.train.data import Counts
from ft.train.remarks import on_template
from ft.train.tokens import Lengths
from ft.ui import alerts, data_choice
from ft.ui.background import Item, Say, follow
from ft.ui.data_change import required
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import PRIVATE, Question, forget_with, on_change

# Each may take a core, and a long conversation a gigabyte: of scripts and of the panel one goes on at a time.
ONE_AT_A_TIME: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "tokens"}
_BARS = 12  # of a histogram, at most about so many
_FITS, _BEYOND = "#237d7b", "#b5532f"
Heed = Callable[[], None]
_LEGEND = """<p class="tokens-legend"><span class="tok trained">learnt</span> what the model learns to write
<span class="tok">read</span> what it reads only <span class="tok cut">cut</span> what is cut off
<span class="tok special">token</span> a token of the chat template</p>"""


class _LeftError(Exception):
    """Nobody waits for the result any more."""


def build(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay the panel out and wire it."""
    defaults = TrainConfig()
    with gr.Row(elem_classes="actions"):
        model = gr.Textbox(defaults.model, label="Base model, whose tokenizer counts", max_lines=1, min_width=220)
        length = gr.Number(defaults.max_length, label="Maximum length, in tokens", precision=0, min_width=150)
    with gr.Row(elem_classes="actions"):
        number = gr.Number(1, label="Conversation", precision=0, min_width=110, elem_id="tokens-row")
        see = gr.Button("Look at it", scale=0, min_width=110)
        following = gr.Button("Next", scale=0, min_width=80)
    problem = alerts.place()
    seen = gr.HTML(elem_id="data-tokens")
    count = gr.Button("Count the tokens of all conversations", size="sm", scale=0, min_width=280)
    status = gr.HTML(visible=False)
    words = gr.HTML()
    plot = gr.BarPlot(
        x="length",
        y="conversations",
        color="fit",
        x_title="Length in tokens",
        y_title="Conversations",
        color_title="Maximum length",
        x_label_angle=-45,
        visible=False,
        height=300,
    )
    of = gr.State("")
    here = [shared.dataset, staged, model, length]
    looked = {"inputs": [*here, number], "outputs": [of, seen, problem], **ONE_AT_A_TIME, **PRIVATE}
    ended = [
        gr.on([see.click, number.submit], show, **looked),
        following.click(further, [*here[:2], number], number, **PRIVATE).then(show, **looked),
        count.click(count_all, here, [of, status, words, plot, problem], **ONE_AT_A_TIME, **PRIVATE),
    ]
    # Another dataset may be looked at by the time that something is counted.
    all_of_it = [of, seen, status, words, plot, problem]
    stale = Question(forget, [shared.dataset, staged, of], all_of_it)
    shared.forgetting.append(stale)
    on_change(ended, *stale)
    forget_with([model, length], nothing_counted, all_of_it)


def forget(dataset: str, staged: str, of: str) -> tuple[Any, ...]:
    """What was counted is no longer of what is looked at, unless it is."""
    if not of or data_choice.still_looked_at(dataset, staged, of):
        return tuple(gr.skip() for _ in range(6))
    return nothing_counted()


def nothing_counted() -> tuple[Any, ...]:
    """No tokens, and no figures."""
    return "", "", gr.HTML("", visible=False), "", gr.BarPlot(visible=False), alerts.hidden()


def further(dataset: str, staged: str, number: float | None) -> int:
    """The number of the next conversation; behind the last one, that of the last."""
    try:
        looked = data_choice.looked_at(dataset, staged)
    except UserError:
        looked = None
    return max(1, min(int(number or 0) + 1, int(looked.report["kept"]) if looked else 1))


def _config(model: str, length: float | None) -> TrainConfig:
    return tokens.config_of((model or "").strip(), length)


def show(dataset: str, staged: str, model: str, length: float, number: float) -> Iterator[tuple[Any, ...]]:
    """Look at one conversation, token by token. Closing this iterator, as Gradio does when the page is closed, ends the
    work."""
    of: Any = gr.skip()  # said with whatever is shown: what is looked at may have changed in the meantime, and back
    try:
        looked, config = required(dataset, staged), _config(model, length)
        of = str(looked.path)

        def work(say: Say, heed: Heed) -> Microscope:
            return tokens.look_at(looked, int(number or 0), config, say, heed)

        yield of, _working("Loading the tokenizer"), alerts.hidden()
        for each in _followed(work):
            shown = _working(each) if isinstance(each, str) else markup(each, int(number or 0))
            yield of, shown, alerts.hidden()
    except Exception as error:
        yield of, "", alerts.shown(error)


def _followed(work: Callable[[Say, Heed], Item]) -> Iterator[Item | str]:
    """What `work` says, and at last what it returns. Closing this iterator lets its `heed` raise."""
    left = threading.Event()

    def heed() -> None:
        if left.is_set():
            raise _LeftError

    def steps(say: Say) -> Generator[Item, None, None]:
        with suppress(_LeftError):
            yield work(say, heed)

    try:
        with closing(follow(steps)) as news:
            yield from (each for each in news if each is not None)
    finally:
        left.set()


def markup(seen: Microscope, number: int) -> str:
    """The tokens of that conversation (1: the first) as HTML, their text escaped, with sentences on them above."""
    facts = [f"Conversation {number:,}: {counted(seen.tokens, 'token')}, {seen.trained:,} of them learnt."]
    if seen.shown < seen.tokens:
        facts.append(f"The first {seen.shown:,} are shown here.")
    if seen.samples > 1:
        facts.append(
            f"This model's chat template rewrites earlier replies, so the conversation becomes {seen.samples} samples, "
            "one below the other: each reply is learnt once, behind the conversation as the chat shows it then."
        )
    if seen.ends:
        replies = counted(len(seen.ends), "reply", "replies")
        facts.append(f"The token that ends a turn is learnt in {sum(seen.ends)} of {replies}.")
    if seen.dropped:
        facts.append(f"At {seen.max_length:,} tokens nothing is left: not even the first reply fits.")
    elif seen.cut:
        lost = f", and {counted(seen.lost_turns, 'reply', 'replies')} with them" if seen.lost_turns else ""
        facts.append(f"The maximum length cuts {counted(seen.cut, 'token')} off{lost}.")
    if not seen.trained and not seen.dropped:
        facts.append("There is nothing to learn in it.")
    facts += map(escape, seen.remarks)
    notes = "".join(f'<p class="note">{fact}</p>' for fact in facts)
    rows = _samples(seen)
    drawn = ""
    for number, row in enumerate(rows, 1):
        label = f"Tokens, sample {number} of {len(rows)}" if len(rows) > 1 else "Tokens"
        tokens = "".join(map(_token, row))
        drawn += f'<div class="tokens" dir="auto" role="group" tabindex="0" aria-label="{label}">{tokens}</div>'
    return notes + _LEGEND + drawn


def _samples(seen: Microscope) -> list[list[Piece]]:
    return [list(pieces) for _, pieces in groupby(seen.pieces, key=lambda piece: piece.sample)]


def _token(piece: Piece) -> str:
    kinds = " ".join(["tok", piece.kind, *(["special"] if piece.special else [])])
    text = escape(piece.text).replace(" ", "·" if not piece.text.strip(" ") else " ")
    text = text.replace("\n", "↵<br>").replace("\t", "→")
    ids = ", ".join(map(str, piece.ids))
    return f'<span class="{kinds}" title="{ids}">{text}</span>'


def count_all(dataset: str, staged: str, model: str, length: float) -> Iterator[tuple[Any, ...]]:
    """Count the tokens of all conversations, and show how long they are."""
    of: Any = gr.skip()
    try:
        looked = required(dataset, staged)
        of, config = str(looked.path), _config(model, length)
        limit = config.max_length

        def work(say: Say, heed: Heed) -> Counts:
            return tokens.count_all(looked, config, say, heed)

        yield of, _status("Counting"), gr.skip(), gr.skip(), alerts.hidden()
        for each in _followed(work):
            if isinstance(each, Counts):
                said, drawn = summary(each, limit), _plot(each.lengths, limit)
                yield of, gr.HTML("", visible=False), said, drawn, alerts.hidden()
            else:
                yield of, _status(each), gr.skip(), gr.skip(), gr.skip()
    except Exception as error:
        yield of, gr.HTML("", visible=False), "", gr.BarPlot(visible=False), alerts.shown(error)


def _status(words: str) -> Any:
    return gr.HTML(_working(words), visible=True)


def _working(words: str) -> str:
    return f'<p class="working" role="status">{escape(words)} …</p>'


def summary(counts: Counts, limit: int) -> str:
    """What the lengths come to, in sentences."""
    of = Lengths.of(counts, limit)
    words = (
        f"{counted(of.tokens, 'token')} in {counted(of.conversations, 'conversation')}; {of.trained:,} are learnt. "
        f"Shortest {of.shortest:,}, median {of.median:,}, longest {of.longest:,} tokens. "
    )
    words += f"{of.beyond:,} are longer than {limit:,}: {counts.lost()}." if of.beyond else f"All fit into {limit:,}."
    # What is lost is said with those that are too long, where there are any.
    left = f"Beside these: {counts.unwritable()}." if counts.refused and not of.beyond else ""
    words = " ".join(filter(None, [words, left, counts.several(), *on_template(counts)]))
    return f'<p class="note">{escape(words)}</p>'


def histogram(lengths: list[int], limit: int) -> pd.DataFrame:
    """Bars of a histogram in their order, with a border of a bar at the limit.

    Columns: length (33 to 64, as text), conversations (0 where none is so long), fit ("fit: 962" or "longer: 23", which
    says how many there are in all).
    """
    shortest, longest = min(lengths), max(lengths)
    width = 1
    while width * _BARS < longest:
        width *= 2
    starts = [*range(1, min(limit, longest) + 1, width), *range(limit + 1, longest + 1, width)]
    ends = [min(start + width - 1, limit) if start <= limit else start + width - 1 for start in starts]
    counts = [0] * len(starts)
    for length in lengths:
        counts[bisect_right(starts, length) - 1] += 1
    beyond = sum(length > limit for length in lengths)
    names = f"fit: {len(lengths) - beyond:,}", f"longer: {beyond:,}"
    rows = [
        (f"{start:,}\N{EN DASH}{end:,}" if end > start else f"{start:,}", count, names[start > limit])
        for start, end, count in zip(starts, ends, counts, strict=True)
        if end >= shortest
    ]
    return pd.DataFrame(rows, columns=["length", "conversations", "fit"])


def _plot(lengths: list[int], limit: int) -> Any:
    bars = histogram(lengths, limit)
    if len(bars) < 2:  # the words above say all there is to see
        return gr.BarPlot(visible=False)
    kinds = dict.fromkeys(bars["fit"])
    return gr.BarPlot(
        bars,
        sort=list(bars["length"]),
        y_lim=[0, 1.08 * int(bars["conversations"].max())],  # room above the highest bar
        color_title=f"Maximum length: {limit:,} tokens",
        color_map={kind: _FITS if kind.startswith("fit") else _BEYOND for kind in kinds},
        visible=True,
    )
