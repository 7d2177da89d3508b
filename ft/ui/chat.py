"""The Chat tab: the base model and the tuned model answer the same question, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from ft.chat.engine import BEST, checkpoints
from ft.ui import alerts, chat_choice, chat_reply, chat_turns
from ft.ui.chat_reply import Question, StopRequest
from ft.ui.run_view import model_title
from ft.ui.shared import Shared
from ft.ui.tab import own_tab

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class Chat:
    """The tab's components and state, under the names that its events know them by."""

    empty: gr.Column
    main: gr.Column
    run: gr.Dropdown
    checkpoint: gr.Dropdown
    note: gr.Markdown
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
    stop_request: gr.State

    @property
    def panes(self) -> list[Component]:
        return [self.base, self.tuned, self.proof]

    @property
    def controls(self) -> list[Component | gr.Row]:
        return [self.status, self.alert, self.send, self.stop, self.retry, self.clear, self.samples]

    @property
    def choice(self) -> list[Component | gr.Column]:
        return [self.empty, self.main, self.run, self.checkpoint, self.note, self.system, *self.sample_buttons]


def build(shared: Shared) -> None:
    """Lay the Chat tab out and wire it."""
    with gr.Column(visible=False) as empty:
        gr.Markdown(
            "### There is no tuned model to talk to yet\nTrain one first. As soon as a run has its first checkpoint, "
            "you can compare it here with the model it started from."
        )
        go = gr.Button("Train a model", variant="primary", scale=0, min_width=180)
    with gr.Column() as main:
        chat = _layout(empty, main)
    go.click(_to_train, None, shared.tabs, **PRIVATE)
    _wire_choice(chat, shared)
    _wire_talk(chat, shared)


def _layout(empty: gr.Column, main: gr.Column) -> Chat:
    with gr.Row():
        run = gr.Dropdown([], label="Tuned model (run)", filterable=True, min_width=260, scale=2)
        checkpoint = gr.Dropdown([], label="As it was at (checkpoint)", min_width=220, scale=1)
    note = gr.Markdown(visible=False, elem_classes="chat-note")
    panes: dict[str, Any] = {
        "height": "min(52vh, 460px)",
        "layout": "panel",
        "render_markdown": False,
        "buttons": ["copy"],
        "allow_tags": False,
        "feedback_options": None,
        "group_consecutive_messages": False,
        "elem_classes": "chat-pane",
    }
    with gr.Row(equal_height=True):
        with gr.Column(min_width=300):
            base = gr.Chatbot(label="Base", placeholder="The base model answers here.", elem_id="chat-base", **panes)
        with gr.Column(min_width=300):
            tuned = gr.Chatbot(
                label="Tuned", placeholder="The tuned model answers here.", elem_id="chat-tuned", **panes
            )
    proof, status, alert = gr.HTML(visible=False), gr.HTML(visible=False), alerts.place()
    with gr.Row(visible=False, elem_classes="chat-samples") as samples:
        buttons = [gr.Button(text, size="sm", scale=0, min_width=80) for text in chat_choice.SAMPLES]
    prompt = gr.Textbox(
        label="Your message to both",
        placeholder="Ask both models the same thing. Enter sends, Shift+Enter begins a new line.",
        lines=1,
        max_lines=8,
        elem_id="chat-prompt",
    )
    with gr.Row(elem_classes="actions"):
        send = gr.Button("Send", variant="primary", scale=0, min_width=120)
        stop = gr.Button("Stop", variant="stop", visible=False, scale=0, min_width=90)
        retry = gr.Button("Retry", interactive=False, scale=0, min_width=90)
        clear = gr.Button("Clear", interactive=False, scale=0, min_width=90)
    with gr.Accordion("Settings", open=False):
        system = gr.Textbox(
            label="What both are told first",
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
                label="How much chance has a say",
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
    kept = gr.BrowserState({}, storage_key="sidetune-chat", secret="sidetune")
    names = {name: value for name, value in locals().items() if name in Chat.__dataclass_fields__}
    return Chat(**names, sample_buttons=buttons, stop_request=gr.State(StopRequest()))


def _wire_choice(chat: Chat, shared: Shared) -> None:
    outputs = [*chat.choice, *chat.panes, *chat.controls]
    inputs = [shared.run, chat.kept]
    shared.arrival.then(choose, inputs, outputs, **PRIVATE)
    gr.on([shared.run.change, own_tab().select], choose, inputs, outputs, trigger_mode="always_last", **PRIVATE)
    chat.run.input(choose, [chat.run, chat.kept], outputs, **PRIVATE).then(_same, chat.run, shared.run, **PRIVATE)
    chat.checkpoint.input(
        _show_checkpoint, [chat.run, chat.checkpoint, chat.kept], [chat.tuned, *chat.panes, *chat.controls], **PRIVATE
    )


def _wire_talk(chat: Chat, shared: Shared) -> None:
    outputs = [*chat.panes, *chat.controls, chat.prompt, chat.kept]
    asked = [chat.run, chat.checkpoint, chat.kept, chat.system, chat.temperature, chat.longest, chat.stop_request]
    talk: dict[str, Any] = {**PRIVATE, "concurrency_limit": 4, "concurrency_id": "chat"}
    gr.on([chat.send.click, chat.prompt.submit], partial(send, shared.engine), [chat.prompt, *asked], outputs, **talk)
    for button in chat.sample_buttons:
        button.click(partial(send, shared.engine), [button, *asked], outputs, **talk)
    chat.retry.click(partial(retry, shared.engine), asked, outputs, **talk)
    chat.stop.click(stop, chat.stop_request, chat.status, queue=False, **PRIVATE)
    chat.clear.click(clear, [chat.run, chat.checkpoint, chat.kept], [*chat.panes, *chat.controls, chat.kept], **PRIVATE)


def choose(wanted: str, kept: dict[str, Any]) -> tuple[Any, ...]:
    """Everything that hangs on the chosen run: it, its checkpoints, the samples, and the conversation kept with it."""
    there = chat_choice.runs()
    run = chat_choice.pick(wanted, there)
    names = checkpoints(run) if run else []
    checkpoint = names[0] if names else ""
    note = chat_choice.note(wanted, run)
    turns = chat_turns.turns_of(kept, chat_turns.kept_under(run.id, checkpoint)) if run else []
    base, tuned, proof = chat_reply.panes(turns)
    return (
        gr.Column(visible=run is None),
        gr.Column(visible=run is not None),
        gr.Dropdown([(f"{each.config.dataset} · {each.id}", each.id) for each in there], value=run.id if run else None),
        gr.Dropdown([(chat_choice.checkpoint_title(name), name) for name in names], value=checkpoint or None),
        gr.Markdown(note, visible=bool(note)),
        chat_choice.system_prompt(run),
        *[gr.Button(text) for text in chat_choice.samples(run)],
        gr.Chatbot(base, label=f"Base · {model_title(run)}" if run else "Base"),
        gr.Chatbot(tuned, label=_tuned_label(run.id, checkpoint) if run else "Tuned"),
        proof,
        *chat_reply.controls(False, turns),
    )


def _show_checkpoint(run: str, checkpoint: str, kept: dict[str, Any]) -> tuple[Any, ...]:
    turns = chat_turns.turns_of(kept, chat_turns.kept_under(run, checkpoint))
    return (
        gr.Chatbot(label=_tuned_label(run, checkpoint)),
        *chat_reply.panes(turns),
        *chat_reply.controls(False, turns),
    )


def _tuned_label(run: str, checkpoint: str) -> str:
    return f"Tuned · {run} · {'best' if checkpoint == BEST else chat_choice.checkpoint_title(checkpoint)}"


def send(engine: Any, prompt: str, *asked: Any) -> Iterator[tuple[Any, ...]]:
    """Ask both models `prompt`, after what they were asked before."""
    run, checkpoint, kept, system, temperature, longest, stop_request = asked
    before = chat_turns.turns_of(kept, chat_turns.kept_under(run, checkpoint))
    question = Question(prompt, run, checkpoint, system, temperature, int(longest))
    yield from chat_reply.answer(engine, question, before, kept, stop_request)


def retry(engine: Any, *asked: Any) -> Iterator[tuple[Any, ...]]:
    """Ask the last question again, in place of its replies, with another draw where chance has a say."""
    run, checkpoint, kept, system, temperature, longest, stop_request = asked
    turns = chat_turns.turns_of(kept, chat_turns.kept_under(run, checkpoint))
    prompt = turns[-1]["user"] if turns else ""
    seed = int(turns[-1].get("seed") or 0) + 1 if turns else 0
    question = Question(prompt, run, checkpoint, system, temperature, int(longest), seed)
    yield from chat_reply.answer(engine, question, turns[:-1], kept, stop_request)


def stop(request: StopRequest) -> Any:
    """Ask the reply that is being written to end at its next word."""
    request.made = True
    return gr.HTML('<p class="chat-status" role="status">Stopping</p>', visible=True)


def clear(run: str, checkpoint: str, kept: dict[str, Any]) -> tuple[Any, ...]:
    """Forget the conversation with this checkpoint."""
    left = chat_turns.keep(kept, chat_turns.kept_under(run, checkpoint), [])
    return *chat_reply.panes([]), *chat_reply.controls(False, []), left


def _same(value: str) -> str:
    return value


def _to_train() -> gr.Tabs:
    return gr.Tabs(selected="train")
