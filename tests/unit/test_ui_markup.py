"""What others wrote (a link, a name, an event, an error) is never drawn as Markdown or HTML, wherever it is shown."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import gradio as gr
import pytest
from synthetic_runs import events_of, write

from ft.ui import alerts, app, chat_events, marks, run_view, runs, runs_queue, train
from ft.ui.chat_reply import Talk

EVIL = "x** is locked.\n\n# Sign in\n\n[again](http://evil.test) ![b](http://evil.test/b.png) <img src=x> $$x$$"
DRAWN = {"img", "a", "h1", "script", "iframe"}


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> gr.Blocks:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(tmp_path_factory.mktemp("home")))
        return app.build()


def test_no_event_writes_to_a_component_that_draws_markdown(page: gr.Blocks):
    assert [block for block in page.blocks.values() if isinstance(block, gr.Markdown)], "headings are still Markdown"
    written = [output for event in page.fns.values() for output in event.outputs if isinstance(output, gr.Markdown)]
    assert written == []


def test_chats_draw_neither_markdown_nor_html_nor_formulas(page: gr.Blocks):
    panes = [block for block in page.blocks.values() if isinstance(block, gr.Chatbot)]
    assert len(panes) == 2
    for pane in panes:
        assert not pane.render_markdown and not pane.allow_tags and pane.latex_delimiters == []


def test_our_own_marks_are_drawn_and_nothing_else():
    assert marks.html("- **2** <b>\n- c\nend") == "<ul><li><strong>2</strong> &lt;b&gt;</li><li>c</li></ul><p>end</p>"
    assert not Tags(marks.html(EVIL)).seen & DRAWN


def test_what_is_said_in_passing_is_text(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(gr, "Info", lambda text, duration: said.append(text))
    monkeypatch.setattr(gr, "Warning", lambda text, duration: said.append(text))
    alerts.inform(EVIL)
    alerts.warn(EVIL)
    assert len(said) == 2 and not any(Tags(text).seen for text in said)


def test_a_hostile_run_is_text_in_every_part_of_the_page(home: Path):
    told = events_of(lambda epoch: 4 - epoch, lambda epoch: 4.2 - epoch, steps=20)
    told[-1] = {**told[-1], "kind": "failed", "given": EVIL, "why": EVIL, "todo": EVIL}
    probe = {"time": 1.0, "kind": "probe", "step": 1, "replies": [{"question": EVIL, "reply": EVIL}]}
    run = write(home, "a", [*told[:-1], probe, told[-1]], dataset="<img src=x>".replace("/", ""))
    shown = [
        *chat_events.choose(EVIL, None, None, {}, Talk()),
        *chat_events.choose(run.id, None, None, {}, Talk()),
        *run_view.show(run.id),
        *run_view.show(EVIL),
        *runs.arrive(run_view.Reader(), EVIL, EVIL, None, []),
        *train.arrive(run_view.Reader(), EVIL, EVIL, {}),
        *runs_queue.show(EVIL),
    ]
    values = [each.value for each in shown if isinstance(each, gr.HTML)]
    values += [each["value"] for each in shown if isinstance(each, dict) and isinstance(each.get("value"), str)]
    values += [each for each in shown if isinstance(each, str)]
    assert any("is locked" in str(value) for value in values)
    assert not set().union(*(Tags(str(value)).seen for value in values)) & DRAWN
