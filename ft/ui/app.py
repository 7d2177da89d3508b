"""The page: its header and its tabs."""

from __future__ import annotations

from inspect import isgeneratorfunction, unwrap

import gradio as gr

from ft import hosting
from ft.chat.engine import Engine
from ft.ui import address, api, chat, data, runs, strings, train
from ft.ui.page import Page
from ft.ui.shared import Shared, memory
from ft.ui.tab import ask_together
from ft.ui.uploads import leave_no_empty_files

_DAY = 86_400  # seconds
_HEADER = f"""<header class="masthead"><h1>{strings.NAME}</h1><p>{strings.TAGLINE}</p></header>"""
_LOST_AT_RESTART = """<p class="note" role="status">Nothing here outlives a restart of this app: there is no disk to
keep it on. Download the datasets and adapters that you want to keep.</p>"""
_BUILDERS = {"data": data.build, "train": train.build, "chat": chat.build, "runs": runs.build}

_CHOICES = ("input", "blur", "select", "release", "clear", "expand", "collapse")  # by which somebody chooses something


def build() -> gr.Blocks:
    """The page with all its tabs and the endpoints for scripts, not yet served."""
    leave_no_empty_files()
    with Page(title=strings.NAME, analytics_enabled=False, delete_cache=(_DAY, _DAY)) as page:
        # In Gradio 6.31 a page looks for the component of each update in the order of its layout: so what is updated
        # with every event comes first, and what only scripts use last.
        link = gr.Textbox(visible=False)
        engine = Engine()
        with gr.Column(visible=False, render=False) as for_scripts:
            api.add(engine)  # first: an event of a tab would take the name of an endpoint, private as it is
        dataset = gr.BrowserState("", storage_key="sidetune-dataset", secret="sidetune")
        run = gr.BrowserState("", storage_key="sidetune-run", secret="sidetune")
        proposed, edited, kept = gr.State({}), gr.State(0), memory()
        gr.HTML(_HEADER, padding=False)
        if hosting.lost_at_restart():
            gr.HTML(_LOST_AT_RESTART, padding=False)
        with gr.Tabs(elem_id="steps") as tabs:
            arrival = address.arrive(page, dataset, run, kept.upload)
            dataset_changed, run_changed = address.follow(dataset, run)
            uploaded = address.uploaded(kept.upload)
            looked_at = address.looked_at(dataset, kept.upload, edited)
            shared = Shared(
                tabs=tabs,
                dataset=dataset,
                run=run,
                proposed=proposed,
                edited=edited,
                memory=kept,
                page=page,
                engine=engine,
                arrival=arrival,
                dataset_changed=dataset_changed,
                run_changed=run_changed,
                uploaded=uploaded,
                looked_at=looked_at,
                forgetting=[],
            )
            for name, lay_out in _BUILDERS.items():
                with gr.Tab(strings.TAB_LABELS[name], id=name, elem_id=f"tab-{name}"):
                    lay_out(shared)
            ask_together(looked_at, shared.forgetting)
        for_scripts.render()
        for event in page.fns.values():
            if event.api_visibility == "undocumented":  # gr.render leaves what draws its part open to scripts
                event.api_visibility = "private"
            if event.trigger_mode == "once" and any(name in _CHOICES for _, name in event.targets):
                # Gradio does not ask while an earlier answer is on its way: what was chosen last would be forgotten.
                event.trigger_mode = "always_last" if isgeneratorfunction(unwrap(event.fn)) else "multiple"
            if event.show_progress == "hidden":
                # Gradio 6.31 tells each output how its event goes, shown or not, and each telling walks the whole page:
                # on a slow machine that froze the browser for seconds. So one hidden box is told for all of them.
                event.show_progress_on = [link]
    page.queue(api_open=False)
    return page
