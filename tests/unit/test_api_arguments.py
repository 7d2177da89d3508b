"""Whatever a script hands to an endpoint is answered or refused in words: no other exception leaves it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import orjson
import pytest
from synthetic_runs import events_of, write

from ft.config import TrainConfig
from ft.dataset import versions
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.errors import UserError
from ft.runs import directory, queue
from ft.train.tracker import require_tracker
from ft.ui import api, app

HOSTILE: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 7,
    "a negative number": -1,
    "a huge number": 10**40,
    "a part": 0.5,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "a list": [],
    "a list of all": [None, 7, [], {}, "x"],
    "an object": {},
    "an object of all": {"model": None, "seed": [], "x": {"y": []}, "gpus": 7},
    "a huge text": "x" * 100_000,
    "a text of NUL": "\0",
    "half of a character": "\ud800",
    "half of a character within": [{"a": "\udfff"}],
    "an empty text": "",
    "spaces": " \n ",
    "a path": "../../etc/passwd",
    "markup": "<img src=x> # a [b](c)",
    "a version": "sample@v99",
    "weights": "sample:0.5:max=-1",
}
# What the others are meanwhile: none that would begin something long.
USUAL = {"dataset": "gone", "run": "gone", "id": "gone", "name": "made", "to": "x", "address": "x", "prompt": "hello"}

QUICK = ("check", "export_data", "dedup", "undo", "redo")


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory) -> Iterator[dict[str, Callable[..., Any]]]:
    """All of them, in a home with a dataset and a run."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("SIDETUNE_HOME", str(home))
        save(stage([sample_file()]), "sample")
        write(home, "good", events_of(lambda epoch: 4 - epoch, None, steps=5))
        page = app.build()
        yield {str(event.api_name): event.fn for event in page.fns.values() if event.api_name in api.ENDPOINTS}


@pytest.mark.parametrize("name", api.ENDPOINTS)
def test_an_endpoint_takes_or_refuses_whatever_it_is_given(endpoints, name: str):
    endpoint = endpoints[name]
    parameters = inspect.signature(endpoint).parameters
    usual = {**USUAL, **({"dataset": "sample"} if name in QUICK else {})}
    for hostile in parameters:
        for value in HOSTILE.values():
            asked = {**{each: usual.get(each) for each in parameters}, hostile: value}
            try:
                answer = endpoint(**asked)
                orjson.dumps(list(answer) if inspect.isgenerator(answer) else answer)
            except (gr.Error, UserError) as refused:
                text = str(refused)
                assert len(text) < 5000
                text.encode()
    assert versions.find("sample").count() and len(directory.list_runs()) == 1 and not queue.line().waiting


@pytest.mark.parametrize(
    "settings",
    [
        *({"seed": n} for n in (10**30, 2**32, -1, True, "9" * 5000, 10**5000)),
        *({name: 10**18} for name in ("max_steps", "eval_steps", "save_steps", "early_stopping_patience")),
        *({name: True} for name in ("batch_size", "epochs", "trained_layers", "gradient_accumulation", "model")),
        {"trained_layers": 10**9},
        {"model": "x" * 5000},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_a_setting_out_of_all_bounds_is_refused_in_words(settings):
    with pytest.raises(UserError) as refused:
        TrainConfig().with_settings(settings)
    assert len(str(refused.value)) < 500 and next(iter(settings)) in str(refused.value)


@pytest.mark.parametrize("tracker", ["wandb", "trackio"])
def test_a_visitor_does_not_write_to_the_account_of_the_host(monkeypatch, tracker):
    monkeypatch.setenv("SIDETUNE_HOSTED", "1")
    with pytest.raises(UserError, match="hosted for others"):
        require_tracker(TrainConfig(tracker=tracker))


def test_an_endpoint_says_what_it_wants_instead(endpoints):
    with pytest.raises(gr.Error, match=r"dataset = 7: it is not text\. Give text\."):
        list(endpoints["check"](7))
    with pytest.raises(gr.Error, match="settings = 'x': it is not an object"):
        endpoints["train"]("sample", "x")
    assert len(endpoints["runs"]()) == 1
