"""The Chat tab: the base model and the tuned model answer the same question, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ft.ui import alerts, chat_choice, chat_events, chat_keep
from ft.ui.chat_reply import Talk
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE, follow, on_change, own_tab, what_is_drawn

REFRESH_SECONDS = 4  # others may start, rename and delete runs, and one that goes on brings new checkpoints
_KEEP_TYPED = "(text) => [{text}]"  # Gradio 6.31 keeps no empty text
_RESTORE_TYPED = "(kept, typed) => [typed || kept?.text || '']"  # what somebody has typed by then stays


@dataclass(frozen=True)
class Chat:
    """The tab's components and state, under the names that its events know them by."""

    empty: gr.Column
    main: gr.Column
    run: gr.Dropdown
    checkpoint: gr.Dropdown
    note: gr.HTML
    base: gr.Chatbot
    tuned: gr.Chatbot
    proof: gr.HTML
    status: gr.HTML
    alert: gr.HTML
    samples: gr.Row
    sample_buttons: list[gr.Button]
    prompt: gr.Textbox
    send: gr.Button
    stop: gr.Button
    retry: gr.Button
    clear: gr.Button
    system: gr.Textbox
    temperature: gr.Slider
    longest: gr.Slider
    kept: gr.BrowserState
    settings: gr.BrowserState
    message: gr.BrowserState
    talk: gr.State
    drawn: gr.Textbox

    @property
    def panes(self) -> list[Component]:
        return [self.base, self.tuned, self.proof]

    @property
    def controls(self) -> list[Component | gr.Row]:
        return [
            self.status,
            self.alert,
            self.send,
            self.stop,
            self.retry,
            self.clear,
            self.samples,
            self.run,
            self.checkpoint,
        ]

    @property
    def choice(self) -> list[Component | gr.Column]:
        return [self.empty, self.main, self.note, self.system, *self.sample_buttons]


def build(shared: Shared) -> None:
    """Lay the Chat tab out and wire it."""
    with gr.Column(visible=False) as empty:
        gr.HTML(
            '<div class="empty"><h2>There is no tuned model to talk to yet</h2><p>Train one first. As soon as a run '
            "has its first checkpoint, you can compare it here with the model that it started from.</p></div>",
            padding=False,
        )
        go = gr.Button("Train a model", variant="primary", scale=0, min_width=180)
    with gr.Column() as main:
        chat = _layout(empty, main, shared)
        keeping = chat_keep.build(shared, chat.run, chat.checkpoint, chat.kept, chat.system)
    go.click(_to_train, None, shared.tabs, **PRIVATE)
    for event in (*_wire_choice(chat, shared), *_wire_talk(chat, shared)):
        keeping.after(event)


def _layout(empty: gr.Column, main: gr.Column, shared: Shared) -> Chat:
    with gr.Row():
        run = gr.Dropdown([], label="Tuned model (run)", filterable=True, min_width=260, scale=2)
        checkpoint = gr.Dropdown([], label="As it was at (checkpoint)", min_width=220, scale=1)
    note = gr.HTML(visible=False, padding=False, elem_classes="chat-note")
    panes: dict[str, Any] = {
        "height": "min(52vh, 460px)",
        "layout": "panel",
        "render_markdown": False,
        "latex_delimiters": [],  # words as they were written, also where they look like a formula
        "buttons": [],
        "allow_tags": False,
        "feedback_options": None,
        "group_consecutive_messages": False,
        "elem_classes": "chat-pane",
    }
    with gr.Row(equal_height=True):
        with gr.Column(min_width=300):
            base = gr.Chatbot(label="Base", elem_id="chat-base", **panes)
        with gr.Column(min_width=300):
            tuned = gr.Chatbot(label="Tuned", elem_id="chat-tuned", **panes)
    proof = gr.HTML(visible=False, padding=False, elem_classes="bare")
    status = gr.HTML(visible=False, padding=False, elem_classes="bare")
    alert = alerts.place()
    with gr.Row(visible=False, elem_classes="chat-samples") as samples:
        buttons = [gr.Button(text, size="sm", scale=0, min_width=0) for text in chat_choice.SAMPLES]
    prompt = gr.Textbox(
        label="Your message to both",
        placeholder="Ask both models the same thing. Enter sends, Shift+Enter begins a new line.",
        lines=1,
        max_lines=8,
        elem_id="chat-prompt",
    )
    with gr.Row(elem_classes="actions"):
        send = gr.Button("Send", variant="primary", interactive=False, scale=0, min_width=120)
        stop = gr.Button("Stop", variant="stop", visible=False, scale=0, min_width=90)
        retry = gr.Button("Retry", interactive=False, scale=0, min_width=90)
        clear = gr.Button("Clear", interactive=False, scale=0, min_width=90)
    with gr.Accordion("Settings", open=False):
        system = gr.Textbox(
            label="Instructions to both",
            info="**system prompt** · filled in from the dataset where most of its conversations have one",
            lines=2,
            max_lines=6,
        )
        with gr.Row():
            temperature = gr.Slider(
                0,
                1.5,
                0,
                step=0.1,
                label="Randomness",
                info="**temperature** · 0: always the likeliest word, so that replies can be compared; usual 0.5 to 1",
                min_width=260,
            )
            longest = gr.Slider(
                16,
                1024,
                256,
                step=16,
                label="Longest reply",
                info="**max new tokens** · about 0.75 words each",
                min_width=260,
            )
    kept, settings, message = shared.memory.talks, shared.memory.chat_settings, shared.memory.message
    names = {name: value for name, value in locals().items() if name in Chat.__dataclass_fields__}
    return Chat(**names, sample_buttons=buttons, talk=gr.State(Talk()), drawn=what_is_drawn())


def _wire_choice(chat: Chat, shared: Shared) -> list[Dependency]:
    """Wire what chooses the run and its checkpoint; gives the events after which another conversation may be shown."""
    outputs = [*chat.choice, *chat.panes, *chat.controls, chat.kept, chat.drawn]
    shown = [chat.run, chat.checkpoint, chat.kept, chat.talk]
    inputs = [shared.run, *shown]
    set_up = [chat.system, chat.temperature, chat.longest]
    came = shared.arrival.then(chat_events.choose, inputs, outputs, **PRIVATE)
    came.then(chat_events.restored, [chat.run, chat.settings], set_up, **PRIVATE)
    came.then(None, [chat.message, chat.prompt], chat.prompt, js=_RESTORE_TYPED, **PRIVATE)
    chat.prompt.change(None, chat.prompt, chat.message, js=_KEEP_TYPED, **PRIVATE)
    changed = [chat.system.blur, chat.temperature.input, chat.longest.input]
    gr.on(changed, chat_events.remember, [chat.run, *set_up], chat.settings, **PRIVATE)
    followed = on_change([shared.run_changed, own_tab().select], chat_events.choose, inputs, outputs)
    hangs_on, now = [shared.run, chat.run, chat.talk, chat.drawn], [*inputs, chat.drawn]
    follow(gr.Timer(REFRESH_SECONDS), chat_events.differs, hangs_on, chat_events.refresh, now, outputs)
    chosen = chat.run.input(chat_events.choose, [chat.run, *shown], outputs, **PRIVATE)
    chosen.then(_same, chat.run, shared.run, **PRIVATE)
    looked_at = chat.checkpoint.input(
        chat_events.show_checkpoint,
        [chat.run, chat.checkpoint, chat.kept, chat.talk],
        [chat.tuned, *chat.panes, *chat.controls],
        **PRIVATE,
    )
    return [came, *followed, chosen, looked_at]


def _wire_talk(chat: Chat, shared: Shared) -> list[Dependency]:
    """Wire what is asked, stopped and cleared; gives the events after which the conversation is another."""
    outputs = [*chat.panes, *chat.controls, chat.prompt, chat.kept]
    asked = [chat.run, chat.checkpoint, chat.kept, chat.system, chat.temperature, chat.longest, chat.talk]
    talk: dict[str, Any] = {**PRIVATE, "concurrency_limit": 4, "concurrency_id": "chat"}
    send = partial(chat_events.send, shared.engine)
    sent = gr.on([chat.send.click, chat.prompt.submit], send, [chat.prompt, *asked], outputs, **talk)
    samples = [button.click(send, [button, *asked], outputs, **talk) for button in chat.sample_buttons]
    again = chat.retry.click(partial(chat_events.retry, shared.engine), asked, outputs, **talk)
    chat.stop.click(chat_events.stop, chat.talk, chat.status, queue=False, **PRIVATE)
    cleared = chat.clear.click(
        chat_events.clear, [chat.run, chat.checkpoint, chat.kept], [*chat.panes, *chat.controls, chat.kept], **PRIVATE
    )
    return [sent, *samples, again, cleared]


def _same(value: str) -> str:
    return value


def _to_train() -> gr.Tabs:
    return gr.Tabs(selected="train")
