"""The page as a whole: what it offers to scripts, what it loads, where it fetches from."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from answers import waited
from gradio.block_function import BlockFunction

from ft.errors import UserError
from ft.ui import address, api, api_data, app, server
from ft.ui.page import Page
from ft.ui.sessions import Session
from ft.ui.theme import STYLES, theme

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "trl", "peft", "bitsandbytes", "datasets"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> gr.Blocks:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(tmp_path_factory.mktemp("home")))
        return app.build()


def test_scripts_are_offered_the_promised_endpoints_and_no_other(page: gr.Blocks):
    offered = page.get_api_info()
    names = "convert pull datasets check inspect dedup combine undo redo delete export_data push"
    runs = "trial train runs run compare stop rename export_adapter queue move chat"
    assert set(offered["named_endpoints"]) == {f"/{name}" for name in [*names.split(), *runs.split()]}
    assert offered["unnamed_endpoints"] == {}
    callable_by_clients = {each.api_name for each in page.fns.values() if each.api_visibility != "private"}
    assert callable_by_clients == set(api.ENDPOINTS)


@pytest.mark.parametrize(
    ("endpoint", "parameters"),
    [
        ("/convert", ["files", "name", "format", "held_out"]),
        ("/datasets", []),
        ("/train", ["dataset", "settings", "preset", "name"]),
        ("/runs", []),
        ("/run", ["id"]),
        ("/compare", ["runs"]),
        ("/stop", ["id", "now"]),
        ("/rename", ["run", "name"]),
        ("/export_adapter", ["run"]),
        ("/queue", []),
        ("/move", ["run", "where"]),
        ("/chat", ["run", "prompt", "max_new_tokens", "temperature"]),
        ("/dedup", ["dataset", "near", "threshold", "dry_run"]),
        ("/combine", ["parts", "name"]),
        ("/undo", ["dataset"]),
        ("/check", ["dataset", "fixes"]),
        ("/inspect", ["dataset", "row", "model", "max_length"]),
        ("/export_data", ["dataset", "format", "split"]),
        ("/pull", ["address", "name", "format", "token", "held_out"]),
        ("/push", ["dataset", "to", "public", "format", "token"]),
    ],
)
def test_an_endpoint_takes_the_promised_parameters(page: gr.Blocks, endpoint: str, parameters: list[str]):
    taken = page.get_api_info()["named_endpoints"][endpoint]["parameters"]
    assert [each["parameter_name"] for each in taken] == parameters


@pytest.mark.parametrize(
    ("endpoint", "given", "said"),
    [
        (api.train, (None,), "no dataset"),
        (api.train, ("../../etc",), "no dataset"),
        (api_data.convert, (["chats.json"], None), "name"),
        (api_data.convert, (["chats.json"], "../up"), "name"),
        (api.run, (None,), "no such run"),
        (api.compare, (["..", "x"],), "no such run"),
        (api.compare, (None,), "0 runs"),
        (api.stop, ("..",), "no such run"),
        (api.move, (None, "first"), "no such run"),
        (api_data.dedup, (None,), "no dataset"),
        (api_data.undo, ("../x",), "no dataset"),
        (api_data.combine, ([], "both"), "no dataset"),
        (api_data.check, ("../x",), "no dataset"),
        (api_data.inspect, (None,), "no dataset"),
        (api_data.export_data, ("x", "../y"), "no dataset"),
    ],
)
def test_an_endpoint_refuses_in_words_what_it_cannot_use(home: Path, endpoint, given, said):
    with pytest.raises(gr.Error, match=said):
        endpoint(*given)


def test_no_event_is_a_lambda(page: gr.Blocks):
    names = []
    for event in page.fns.values():
        function = event.fn
        while isinstance(function, partial):
            function = function.func
        names.append(getattr(function, "__name__", ""))
    assert names and "<lambda>" not in names


def test_files_for_convert_must_have_been_uploaded(page: gr.Blocks):
    """gr.api would hand on any path that a client names; gr.File takes only those that came through the upload."""
    (convert,) = [each for each in page.fns.values() if each.api_name == "convert"]
    assert isinstance(convert.inputs[0], gr.File) and convert.preprocess


def test_every_tab_can_be_named_in_the_address(page: gr.Blocks):
    steps = next(block for block in page.blocks.values() if isinstance(block, gr.Tabs) and block.elem_id == "steps")
    tabs = [block.id for block in steps.children if isinstance(block, gr.Tab)]
    assert tuple(tabs) == address.TABS


def test_the_look_of_the_page_comes_from_no_other_host():
    css = theme()._get_theme_css() + "".join(path.read_text(encoding="utf-8") for path in STYLES)
    sources = re.findall(r"url\(\s*['\"]?([^'\")]{0,40})", css)
    assert sources and all(source.startswith("data:") for source in sources)
    assert "@import" not in css
    assert "IBM Plex Sans" in css and "IBM Plex Mono" in css
    assert theme()._stylesheets == []


def test_the_font_licence_travels_with_the_fonts():
    fonts = STYLES[0].parent / "fonts"
    assert list(fonts.glob("*.woff2"))
    assert "SIL OPEN FONT LICENSE" in (fonts / "LICENSE-OFL.txt").read_text(encoding="utf-8")


def test_the_page_is_laid_out_without_loading_what_trains():
    code = "import sys; from ft.ui import app; app.build(); print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_only_files_of_the_ui_mention_gradio():
    importing = re.compile(r"^\s*(?:import|from) gradio\b", re.M)
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("ft", "formats")
        for path in (ROOT / folder).rglob("*.py")
        if importing.search(path.read_text(encoding="utf-8"))
    }
    assert found and all(name.startswith("ft/ui/") for name in found)


def ticks(page: gr.Blocks) -> list[BlockFunction]:
    return [event for event in page.fns.values() if any(name == "tick" for _, name in event.targets)]


def drawn_by_ticks(page: gr.Blocks) -> list[BlockFunction]:
    """The events that draw what a tick found."""
    news = {block._id for event in ticks(page) for block in event.outputs}
    return [event for event in page.fns.values() if any(block in news for block, _ in event.targets)]


def test_a_tick_has_one_output_whatever_it_finds(page: gr.Blocks):
    """Gradio's page goes through all of its components for each output of each event."""
    assert len(ticks(page)) >= 5
    assert {len(event.outputs) for event in ticks(page)} == {1} and len(ticks(page)) == len(drawn_by_ticks(page))


def test_what_a_tick_compares_with_is_kept_by_the_page_that_shows_it(page: gr.Blocks):
    """A state kept here would be of the tick's own answer, also where the page gets an older one after it."""
    compared = [block for event in drawn_by_ticks(page) for block in event.inputs if block in event.outputs]
    assert compared and not [block for block in compared if isinstance(block, gr.State)]


def lists_under_a_tick(page: gr.Blocks) -> list[Any]:
    """The lists whose choices an event of a timer may change."""
    outputs = {block._id: block for event in drawn_by_ticks(page) for block in event.outputs}
    return [block for block in outputs.values() if isinstance(block, gr.Dropdown | gr.Radio | gr.CheckboxGroup)]


def test_what_was_chosen_of_a_list_reaches_each_event_also_after_a_tick_that_took_it_away(page: gr.Blocks):
    lists = lists_under_a_tick(page)
    assert len(lists) >= 5
    for chosen in lists:
        several = isinstance(chosen, gr.CheckboxGroup)
        for event in page.fns.values():
            if chosen not in event.inputs or not event.preprocess:
                continue
            session = Session(page)
            session[chosen._id] = type(chosen)(choices=["new"], render=False)
            sent = ["old"] if several else "old"
            inputs = [sent if block is chosen else getattr(block, "value", None) for block in event.inputs]
            got = waited(page.preprocess_data(event, inputs, session))
            assert got[event.inputs.index(chosen)] == sent, (chosen.label, event.fn)


def test_a_box_that_nothing_has_filled_yet_reaches_each_event_as_an_empty_text(page: gr.Blocks):
    boxes = [
        (event, place)
        for event in page.fns.values()
        for place, block in enumerate(event.inputs)
        if isinstance(block, gr.Textbox) and event.preprocess
    ]
    assert len(boxes) > 20
    for event, place in boxes:
        inputs = [getattr(block, "value", None) for block in event.inputs]
        inputs[place] = None
        assert waited(page.preprocess_data(event, inputs, Session(page)))[place] == "", event.fn


@pytest.mark.parametrize("hostile", [{"a": 1}, 7, [["old"]], "never offered"])
def test_what_no_list_ever_offered_is_refused(page: gr.Blocks, hostile: object):
    event = next(event for event in page.fns.values() if any(isinstance(block, gr.Dropdown) for block in event.inputs))
    chosen = next(block for block in event.inputs if isinstance(block, gr.Dropdown))
    inputs = [hostile if block is chosen else getattr(block, "value", None) for block in event.inputs]
    with pytest.raises((gr.Error, UserError)):
        waited(page.preprocess_data(event, inputs, Session(page)))


def test_an_event_that_shows_no_progress_tells_one_component_how_it_goes(page: gr.Blocks):
    """Told for each of its outputs, as Gradio does by itself, the page of a slow machine froze for seconds."""
    quiet = [event for event in page.fns.values() if event.show_progress == "hidden"]
    assert len(quiet) > 50
    assert {len(event.show_progress_on or event.outputs) for event in quiet} == {1}


def two_words() -> Iterator[str]:
    yield "one"
    yield "two"


@pytest.mark.parametrize(("visibility", "sent_at_the_end"), [("private", False), ("public", True)])
def test_the_end_of_an_event_sends_nothing_to_the_page_that_it_has_sent_already(visibility: str, sent_at_the_end: bool):
    """It would undo what somebody did in the meantime; a script that waits for the end alone gets it."""
    with Page() as small:
        box = gr.Textbox()
        gr.Button().click(two_words, None, box, api_visibility=visibility)
    _, url, _ = small.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    try:
        join = {"data": [], "fn_index": 0, "session_hash": "visitor"}
        httpx.post(f"{url}gradio_api/queue/join", json=join).raise_for_status()
        with httpx.stream("GET", f"{url}gradio_api/queue/data?session_hash=visitor", timeout=60) as stream:
            lines = (json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line)
            heard = list(takewhile(lambda message: message["msg"] != "close_stream", lines))
    finally:
        small.close()
    *_, ended = [message["output"]["data"] for message in heard if message["msg"] == "process_completed"]
    growing = [message["output"]["data"] for message in heard if message["msg"] == "process_generating"]
    assert len(growing) == 2
    assert ended == (["two"] if sent_at_the_end else [gr.skip()])


def test_a_port_that_is_taken_is_refused_in_words(home: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} of 127.0.0.1.*taken.*--port"):
            server.serve(port=port)


# What is worked out of a dataset and shown with it, by the module of its panel.
OF_A_DATASET = {
    "data_tokens": {"show", "count_all"},
    "data_near": {"look"},
    "data_checks": {"look", "mend"},
    "data_export": {"exported"},
    "data_hub": {"pushed"},
    "data_history": {"difference"},
}


@pytest.mark.parametrize("module", OF_A_DATASET)
def test_what_comes_after_another_dataset_was_chosen_is_taken_away_again(page: gr.Blocks, module: str):
    def name(event: Any) -> tuple[str, str]:
        fn = getattr(event.fn, "func", event.fn)
        return getattr(fn, "__module__", ""), getattr(fn, "__name__", "")

    asked = [
        event
        for event in page.fns.values()
        if name(event) in {(f"ft.ui.{module}", one) for one in OF_A_DATASET[module]}
    ]
    assert {name(event)[1] for event in asked} == OF_A_DATASET[module]
    for event in asked:
        then = [each for each in page.fns.values() if each.trigger_after == event._id]
        (forget,) = [each for each in then if name(each) == (f"ft.ui.{module}", "forget")]
        assert {block._id for block in event.outputs} & {block._id for block in forget.outputs}


def test_an_event_that_the_page_does_by_itself_is_refused_in_words(page: gr.Blocks):
    event = next(each for each in page.fns.values() if each.fn is None and each.inputs)
    with pytest.raises(gr.Error, match="nothing to ask"):
        waited(page.process_api(event, [None] * len(event.inputs)))
