"""The endpoints for scripts. Each gives the JSON that its twin on the command line prints with --json.

A refusal (`UserError`) reaches the client as an error whose message says what was given, why it cannot be used and what
to do. All other events of the page are private.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from formats.conversation import Message
from ft import presets
from ft.chat.engine import Engine
from ft.chat.pair import Pair, Reply, as_json
from ft.dataset import versions
from ft.errors import UserError
from ft.models import catalogue
from ft.runs import compare as comparing
from ft.runs import directory, launch, stopping
from ft.runs import queue as queues
from ft.runs.overview import overview
from ft.runs.reader import Reader
from ft.runs.status import summary
from ft.train import preflight
from ft.train import trial as trials
from ft.train.tracker import require_tracker
from ft.ui import api_data, endpoint
from ft.ui.background import Say, follow
from ft.ui.endpoint import Heed, attended, refusing, unheeded
from ft.ui.run_download import adapter_file

LONGEST_REPLY = 1024  # tokens: there is one engine, and others wait for it
ENDPOINTS = (
    *("convert", "pull", "datasets", "check", "inspect", "dedup", "combine", "undo", "redo", "delete"),
    *("export_data", "push"),
    *("trial", "train", "runs", "run", "compare", "stop", "rename", "export_adapter", "queue", "move", "chat"),
)


def add(engine: Engine) -> None:
    """Add the endpoints to the Blocks that is being laid out; `engine` answers /chat."""
    api_data.add()

    asked = gr.Textbox(label="run", visible=False)
    endpoint.add("export_adapter", export_adapter, [asked], gr.File(label="file", visible=False), line="export")
    chat = chat_endpoint(engine)
    for read in (runs, run, compare, queue):
        gr.api(read, api_name=read.__name__, concurrency_limit=4)
    gr.api(attended(trial), api_name="trial", concurrency_limit=1)
    gr.api(train, api_name="train")
    gr.api(stop, api_name="stop")
    gr.api(rename, api_name="rename")
    gr.api(move, api_name="move")
    gr.api(chat, api_name="chat", concurrency_limit=8)  # who waits is told who is before


def chat_endpoint(engine: Engine) -> Callable[..., Iterator[dict[str, Any]]]:
    """/chat, answered by `engine`."""

    @refusing
    def chat(run: str, prompt: str, max_new_tokens: int = 256, temperature: float = 0.0) -> Iterator[dict]:
        """Ask the base and the tuned model of a run the same: both replies, at most 1,024 tokens each. They are given
        as they grow, with a "status" while there is something to wait for; a client that leaves ends them."""
        yield from _replies(engine, run, prompt, max_new_tokens, temperature)

    return chat


def _replies(
    engine: Engine, run: str, prompt: str, max_new_tokens: int, temperature: float
) -> Iterator[dict[str, Any]]:
    if not prompt.strip():
        raise UserError("the prompt", "it is empty.", "Ask something.")
    if not 1 <= max_new_tokens <= LONGEST_REPLY:
        why = f"it is not from 1 to {LONGEST_REPLY:,}."
        raise UserError(f"max_new_tokens = {max_new_tokens}", why, "Ask for a shorter reply, or use `sidetune chat`.")
    messages = [Message("user", prompt)]

    def work(say: Say) -> Generator[Pair, None, None]:
        yield from engine.reply(
            run, messages, messages, max_new_tokens=max_new_tokens, temperature=temperature, progress=say
        )

    last, status = Pair(Reply(), Reply(), False), "Reading the prompt"
    with closing(follow(work)) as all_news:
        for news in all_news:  # a few times a second: between two of them Gradio sees whether the client has left
            if isinstance(news, Pair):
                last, status = news, ""
            status = news if isinstance(news, str) else status
            if not last.done:
                yield {**as_json(last), "status": status}
    yield as_json(last)


@refusing
def train(dataset: str, settings: dict | None = None, preset: str = "", name: str = "") -> dict:
    """Start a run on a dataset, with settings as `sidetune train --set` names them; `name`: what to call it. It goes on
    by itself: see /run."""
    version = versions.find(dataset or "")
    config = presets.configure(preset, settings or {})
    catalogue.resolve(config.model)
    require_tracker(config)
    return summary(launch.begin(version, config, name))


@refusing
def trial(
    dataset: str,
    settings: dict | None = None,
    preset: str = "",
    price: float | None = None,
    *,
    heed: Heed = unheeded,
) -> dict:
    """Take two real steps: what a run would need of memory and time, and what to change where it does not fit."""
    version = versions.find(dataset or "")
    config = presets.configure(preset, settings or {})
    counts = preflight.check(version, config, heed=heed)
    return trials.as_json(trials.trial(version, config, heed=heed), counts, price)


@refusing
def runs() -> list:
    """All runs, newest first; then those that are damaged, with the reason as their message."""
    return overview().as_json()


@refusing
def run(id: str) -> dict:
    """One run, by its id, the beginning of it, or "latest"."""
    found = directory.find(id)
    return {**summary(found), "settings": found.config.train.model_dump()}


@refusing
def compare(runs: list) -> dict:
    """Two or more runs beside each other, the best first where they can be ranked."""
    reader = Reader()
    return comparing.compare([comparing.told(directory.find(str(each)), reader) for each in runs or ()]).as_json()


@refusing
def stop(id: str, now: bool = False) -> dict:
    """Ask a run to stop. It saves a checkpoint first, or with `now` ends at once, and can go on from its last one."""
    found = directory.find(id)
    if now:
        stopping.stop_now(found)
    else:
        launch.stop(found)
    return summary(found)


@refusing
def rename(run: str, name: str) -> dict:
    """Give a run another name; its id stays."""
    found = directory.find(run or "")
    directory.rename(found, name or "")
    return summary(found)


@refusing
def export_adapter(run: str) -> str:
    """The adapter of a run as a zip file: its weights, its tokenizer and a card that says how to load it."""
    return adapter_file(directory.find(run or ""))


@refusing
def queue() -> dict:
    """Who has the device, and the runs that wait for it in their order."""
    return queues.as_json(queues.line())


@refusing
def move(run: str, where: str) -> dict:
    """Let a run that waits go "first", or one place "up" or "down"; /queue as it then is."""
    return queues.as_json(queues.move(directory.find(run or ""), where))
