"""The Tokens panel of the Data tab: a conversation as the model sees it, and how long all of them are."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from html import escape
from typing import Any

import gradio as gr
import pandas as pd

from ft.config import TrainConfig
from ft.errors import UserError
from ft.template.microscope import Microscope, Piece
from ft.train import tokens
from ft.train.data import Counts
from ft.train.tokens import Lengths
from ft.ui import alerts
from ft.ui.background import Say, follow
from ft.ui.data_change import required
from ft.ui.shared import Shared
from ft.ui.strings import counted

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_BINS = 24
_LEGEND = """<p class="tokens-legend"><span class="tok trained">learnt</span> what the model learns to write
<span class="tok">read</span> what it reads only <span class="tok cut">cut</span> what is cut off
<span class="tok special">token</span> a token of the chat template</p>"""


def build(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay the panel out and wire it."""
    defaults = TrainConfig()
    with gr.Row(elem_classes="actions"):
        model = gr.Textbox(defaults.model, label="Base model, whose tokenizer counts", max_lines=1, min_width=220)
        length = gr.Number(
            defaults.max_length, label="Maximum length, in tokens", precision=0, minimum=16, min_width=150
        )
    with gr.Row(elem_classes="actions"):
        number = gr.Number(1, label="Conversation", precision=0, minimum=1, min_width=110, elem_id="tokens-row")
        see = gr.Button("Look at it", scale=0, min_width=110)
        following = gr.Button("Next", scale=0, min_width=80)
    problem = alerts.place()
    seen = gr.HTML(elem_id="data-tokens")
    count = gr.Button("Count the tokens of all conversations", size="sm", scale=0, min_width=280)
    status = gr.HTML(visible=False)
    words = gr.HTML()
    plot = gr.BarPlot(
        x="tokens",
        y="conversations",
        color="fit",
        x_title="Length in tokens",
        y_title="Conversations",
        color_map={"fits": "#237d7b", "beyond the limit": "#b5532f"},
        visible=False,
        height=260,
    )
    here = [shared.dataset, staged, model, length]
    shown = [seen, problem]
    gr.on([see.click, number.submit], show, [*here, number], shown, concurrency_limit=2, **PRIVATE)
    following.click(further, number, number, **PRIVATE).then(
        show, [*here, number], shown, concurrency_limit=2, **PRIVATE
    )
    count.click(count_all, here, [status, words, plot, problem], concurrency_limit=1, **PRIVATE)


def further(number: float | None) -> int:
    """The number of the next conversation."""
    return int(number or 0) + 1


def _config(model: str, length: float | None) -> TrainConfig:
    return TrainConfig().with_settings(
        {"model": (model or "").strip(), "max_length": int(length or TrainConfig().max_length)}
    )


def show(dataset: str, staged: str, model: str, length: float, number: float) -> Iterator[tuple[Any, ...]]:
    """Look at one conversation, token by token."""
    try:
        looked = required(dataset, staged)
        yield '<p class="working" role="status">Loading the tokenizer …</p>', alerts.hidden()
        yield markup(tokens.look_at(looked, int(number or 0), _config(model, length))), alerts.hidden()
    except UserError as error:
        yield "", alerts.shown(error)


def markup(seen: Microscope) -> str:
    """The tokens as HTML, all of their text escaped, with sentences on them above."""
    facts = [f"{counted(seen.tokens, 'token')}, {seen.trained:,} of them learnt."]
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
    notes = "".join(f'<p class="note">{fact}</p>' for fact in facts)
    return f'{notes}{_LEGEND}<div class="tokens" dir="auto">{"".join(map(_token, seen.pieces))}</div>'


def _token(piece: Piece) -> str:
    kinds = " ".join(["tok", piece.kind, *(["special"] if piece.special else [])])
    text = escape(piece.text).replace(" ", "·" if not piece.text.strip(" ") else " ")
    text = text.replace("\n", "↵<br>").replace("\t", "→")
    ids = ", ".join(map(str, piece.ids))
    return f'<span class="{kinds}" title="{ids}">{text}</span>'


def count_all(dataset: str, staged: str, model: str, length: float) -> Iterator[tuple[Any, ...]]:
    """Count the tokens of all conversations, and show how long they are."""
    try:
        looked = required(dataset, staged)
        config = _config(model, length)
        limit = config.max_length

        def work(say: Say) -> Generator[Counts, None, None]:
            yield tokens.count_all(looked, config, say)

        yield _status("Counting"), gr.skip(), gr.skip(), alerts.hidden()
        with closing(follow(work)) as news:
            for each in news:
                if isinstance(each, Counts):
                    yield gr.HTML("", visible=False), summary(each, limit), _plot(each.lengths, limit), alerts.hidden()
                elif each:
                    yield _status(each), gr.skip(), gr.skip(), gr.skip()
    except UserError as error:
        yield gr.HTML("", visible=False), "", gr.BarPlot(visible=False), alerts.shown(error)


def _status(words: str) -> Any:
    return gr.HTML(f'<p class="working" role="status">{escape(words)} …</p>', visible=True)


def summary(counts: Counts, limit: int) -> str:
    """What the lengths come to, in sentences."""
    of = Lengths.of(counts, limit)
    words = (
        f"{counted(of.tokens, 'token')} in {counted(of.conversations, 'conversation')}; {of.trained:,} are learnt. "
        f"Shortest {of.shortest:,}, median {of.median:,}, longest {of.longest:,} tokens. "
    )
    words += f"{of.beyond:,} are longer than {limit:,}: {counts.lost()}." if of.beyond else f"All fit into {limit:,}."
    return f'<p class="note">{escape(words)}</p>'


def histogram(lengths: list[int], limit: int) -> pd.DataFrame:
    """Bars of a histogram, with a border of a bar at the limit: columns tokens, conversations and fit."""
    longest = max(lengths)
    width = max(1, -(-(longest + 1) // _BINS))
    if limit < longest:
        width = max(1, limit // max(1, round(limit / width)))
    rows: dict[tuple[int, str], int] = {}
    for length in lengths:
        beyond = length > limit
        start = (length - limit - 1) // width * width + limit + 1 if beyond else (length - 1) // width * width + 1
        key = (start, "beyond the limit" if beyond else "fits")
        rows[key] = rows.get(key, 0) + 1
    table = [(start + width // 2, count, fit) for (start, fit), count in sorted(rows.items())]
    return pd.DataFrame(table, columns=["tokens", "conversations", "fit"])


def _plot(lengths: list[int], limit: int) -> Any:
    return gr.BarPlot(histogram(lengths, limit), visible=True)
