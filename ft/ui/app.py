"""The page: its header, its tabs, and the server that shows it."""

from __future__ import annotations

import os

import gradio as gr

from ft.chat.engine import Engine
from ft.errors import UserError
from ft.ui import address, api, chat, data, runs, strings, train
from ft.ui.shared import Shared, memory
from ft.ui.theme import STYLES, theme

_DAY = 86_400  # seconds
_OWN = ("127.0.0.1", "localhost", "::1")
_PORTS = range(7860, 7960)
_HEADER = f"""<header class="masthead"><h1>{strings.NAME}</h1><p>{strings.TAGLINE}</p></header>"""
_BUILDERS = {"data": data.build, "train": train.build, "chat": chat.build, "runs": runs.build}


def build(hosted: bool = False) -> gr.Blocks:
    """The page with all its tabs and the endpoints for scripts, not yet served.

    `hosted`: it is to be served for others than whoever sits at this machine.
    """
    with gr.Blocks(title=strings.NAME, analytics_enabled=False, delete_cache=(_DAY, _DAY)) as page:
        engine = Engine()
        api.add(engine, hosted)  # first: an event of a tab would take the name of an endpoint, private as it is
        dataset = gr.BrowserState("", storage_key="sidetune-dataset", secret="sidetune")
        run = gr.BrowserState("", storage_key="sidetune-run", secret="sidetune")
        proposed, edited, kept = gr.State({}), gr.State(0), memory()
        link = gr.Textbox(visible=False)
        gr.HTML(_HEADER, padding=False)
        with gr.Tabs(elem_id="steps") as tabs:
            arrival = address.arrive(page, link, dataset, run)
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
                hosted=hosted,
            )
            for name, lay_out in _BUILDERS.items():
                with gr.Tab(strings.TAB_LABELS[name], id=name, elem_id=f"tab-{name}"):
                    lay_out(shared)
        address.follow(dataset, run)
        for event in page.fns.values():
            if event.api_visibility == "undocumented":  # gr.render leaves what draws its part open to scripts
                event.api_visibility = "private"
            if event.show_progress == "hidden":
                # Gradio 6.31 tells each output how its event goes, shown or not, and each telling walks the whole page:
                # on a slow machine that froze the browser for seconds. So one hidden box is told for all of them.
                event.show_progress_on = [link]
    page.queue(api_open=False)
    return page


def serve(host: str = "127.0.0.1", port: int | None = None, auth: tuple[str, str] | None = None) -> None:
    """Serve the page until the process is told to end. `port` None: the first free one from 7860 on.

    Raises:
        UserError: the address or the port cannot be used.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio also asks outside of Blocks
    page = build(hosted=host not in _OWN)
    try:
        _, url, _ = page.launch(
            server_name=host,
            server_port=port,
            auth=auth,
            theme=theme(),
            css_paths=STYLES,
            head=address.HEAD,
            footer_links=[],
            run_history=False,
            max_file_size="200mb",
            show_error=True,
            quiet=True,
            ssr_mode=False,
            share=False,
            prevent_thread_lock=True,
        )
    except OSError as error:
        ports = f"port {port}" if port else f"any port from {_PORTS.start} to {_PORTS.stop - 1}"
        raise UserError(
            f"{ports} of {host}",
            "the page cannot be served there: it is taken by another program, or it is no address of this machine.",
            "Choose another, for example --port 8000, and for --host 127.0.0.1 or 0.0.0.0.",
        ) from error
    print(f"{strings.NAME} is at {url}  (Ctrl-C ends it)", flush=True)
    page.block_thread()
