"""The server that shows the page: Gradio's, behind the guard, until the process is told to end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import gradio as gr
from gradio.routes import App, ORJSONResponse
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from ft import cache, hosting
from ft.errors import UserError
from ft.ui import accessible, address, strings
from ft.ui.app import build
from ft.ui.body_limit import BodyLimit
from ft.ui.frontend import changed_scripts
from ft.ui.guard import Guard
from ft.ui.login import Login
from ft.ui.own_names import OwnNames
from ft.ui.page_policy import MarkScripts
from ft.ui.sessions import Sessions
from ft.ui.theme import STYLES, theme
from ft.ui.unreadable import answer_unreadable

_PORTS = range(7860, 7960)
# What is said to those who hear the page, and has no words in Gradio 6.31: they heard its name.
_SAID = {"common.complete": "Done"}
_SESSIONS = 100  # whose state is kept: each takes about 1 MB, as Gradio copies the page for it


class GuardedApp(App):
    """Gradio's app with the guard around all of its layers. Given as middleware, the guard would lie within Gradio's
    own CORS layer, which grants foreign pages what they ask before anything else sees the request."""

    def __init__(self, names: OwnNames, login: Login | None) -> None:
        self._names, self._login = names, login
        super().__init__(default_response_class=ORJSONResponse, openapi_url=None, middleware=[Middleware(MarkScripts)])
        for name, script in changed_scripts().items():  # before Gradio's own route of its scripts
            self.add_route(f"/assets/{name}", partial(_script, script))
        self.state_holder = Sessions()
        answer_unreadable(self)

    def build_middleware_stack(self) -> ASGIApp:
        folder = Path(get_upload_folder())
        folder.mkdir(parents=True, exist_ok=True)
        return Guard(
            super().build_middleware_stack(),
            self._names,
            BodyLimit(lambda wanted: cache.make_room(folder, wanted)),
            space=hosting.on_space(),
            signed_in=self._signed_in if self._login else None,
            login=self._login,
            hashes=(*address.HASHES, *accessible.HASHES),
        )

    def _signed_in(self, cookies: dict[str, str]) -> bool:
        names = (f"access-token-{self.cookie_id}", f"access-token-unsecure-{self.cookie_id}")
        for token in (cookies.get(name, "") for name in names):
            if token in self.tokens:
                if self._login is None or self._login.lasts(token):
                    return True
                del self.tokens[token]
        return False


async def _script(script: str, request: Request) -> Response:
    """Under Gradio's name of it: so a browser asks each time whether that is still what stands there."""
    tag = f'"{hashlib.sha256(script.encode()).hexdigest()}"'
    told = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=told)
    return Response(script, media_type="text/javascript", headers=told)


def serve(
    host: str = "127.0.0.1",
    port: int | None = None,
    auth: tuple[str, str] | None = None,
    allowed: Sequence[str] = (),
) -> None:
    """Serve the page until an exception in this thread, such as Ctrl-C's, ends it.

    `port` None: the first free one from 7860 on. `auth`: the name and password that visitors must give. `allowed`:
    names under which the app is reached beside those of `host`.

    Raises:
        UserError: the address or the port cannot be used.
    """
    login = Login(*auth) if auth else None
    page = build()
    try:
        _, url, _ = page.launch(
            server_name=f"[{host}]" if ":" in host else host,
            server_port=port,
            auth=login.accepts if login else None,
            state_session_capacity=_SESSIONS,
            theme=theme(),
            css_paths=STYLES,
            head=address.HEAD + accessible.HEAD,
            footer_links=[],
            i18n=gr.I18n(en=_SAID),
            run_history=False,
            enable_monitoring=False,
            max_file_size="200mb",
            show_error=True,
            quiet=True,
            ssr_mode=False,
            share=False,
            prevent_thread_lock=True,
            _frontend=False,  # Gradio would ask for its own page, and give up where that takes three seconds
            _app=GuardedApp(OwnNames.of(host, [*allowed, *hosting.space_names()]), login),
        )
    except OSError as error:
        ports = f"port {port}" if port else f"any port from {_PORTS.start} to {_PORTS.stop - 1}"
        raise UserError(
            f"{ports} of {host}",
            "the page cannot be served there: it is taken by another program, or it is no address of this machine.",
            "Choose another, for example --port 8000, and for --host 127.0.0.1 or 0.0.0.0.",
        ) from error
    print(f"{strings.NAME} is at {url}  (Ctrl-C ends it)", flush=True)
    try:
        while page.is_running:
            time.sleep(0.2)
    finally:
        page.close(verbose=False)
