"""The outermost layer of the server: who may send a request at all, and what every answer tells the browser.

A browser sends requests to this machine for any page that it has open, and Gradio's own guard lets most of them in.
Here a request has to name one of the app's own names (see `own_names`), and come from its own page or from no page.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft.ui.body_limit import BodyLimit
from ft.ui.http_refusal import Refusal
from ft.ui.login import Login
from ft.ui.own_names import OwnNames, split_authority
from ft.ui.page_policy import NONCE, content_policy, new_nonce
from ft.ui.unreadable import was_answered

PAGE = "/"
_UNUSED = (  # by this page, of Gradio's routes: they write files, fetch addresses, tell of others or check little
    *("/gradio_api/deep_link", "/gradio_api/process_recording", "/gradio_api/component_server", "/gradio_api/token"),
    *("/gradio_api/proxy=", "/gradio_api/file=http", "/gradio_api/file/http", "/gradio_api/custom_component"),
    *("/gradio_api/dev", "/gradio_api/vibe", "/gradio_api/undo-vibe", "/gradio_api/run-history", "/monitoring"),
    *("/gradio_api/api", "/gradio_api/call/v2/", "/gradio_api/stream", "/gradio_api/queue/status", "/gradio_api/runs"),
    *("/gradio_api/openapi.json", "/gradio_api/profiling", "/gradio_api/mcp"),
)
_OPEN = (  # what the login page needs, and what asks for the login by itself
    *("/", "/login", "/login/", "/logout", "/config", "/theme.css", "/gradio_api/theme.css", "/favicon.ico"),
    *("/manifest.json", "/robots.txt", "/gradio_api/startup-events", "/gradio_api/login_check", "/gradio_api/user"),
)
_OPEN_FOLDERS = ("/assets/", "/static/", "/svelte/")
# Gradio's scripts and styles have a hash of what they hold in their names: a browser need not ask for them again, but
# for those that are given out otherwise, which say so themselves.
_KEPT = "public, max-age=31536000, immutable"
_ROUTE = "sidetune.route"  # in a request's scope: its path, without what a proxy puts before all of the app's
_FRAMED_BY = "https://huggingface.co"  # where a Space is shown in a frame


def _route(scope: Scope) -> str:
    """The path that Gradio answers: what GRADIO_ROOT_PATH names, and stands before it, is not part of it."""
    path: str = scope["path"]
    root = str(scope.get("root_path") or "").rstrip("/")
    within = path.removeprefix(root)
    return path if not root or within == path or within[:1] not in ("", "/") else within or "/"


class Guard:
    """ASGI layer around the whole app.

    `names`: those it answers to. `space`: it runs on a Hugging Face Space, whose page shows it in a frame. `signed_in`:
    whether one of these cookies belongs to somebody who is; `login` slows wrong guesses down. Both None: no password.
    `limit` bounds what a request may bring. `hashes` name the inline scripts that Gradio adds to the page.
    """

    def __init__(
        self,
        app: ASGIApp,
        names: OwnNames,
        limit: BodyLimit,
        space: bool = False,
        signed_in: Callable[[dict[str, str]], bool] | None = None,
        login: Login | None = None,
        hashes: tuple[str, ...] = (),
    ) -> None:
        self._app, self._names, self._limit, self._space = app, names, limit, space
        self._signed_in, self._login, self._hashes = signed_in, login, hashes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":  # Gradio uses none
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "no websockets here"})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        scope[NONCE] = new_nonce()
        scope[_ROUTE] = _route(scope)
        send = self._telling(scope, send)
        try:
            self._admit(scope, headers)
            async with self._limit.of(scope[_ROUTE], headers, receive) as bounded:
                if self._login is not None and scope["method"] == "POST" and scope[_ROUTE].rstrip("/") == "/login":
                    await self._login.slowed(self._app, scope, bounded, send)
                else:
                    await self._app(scope, bounded, send)
        except Refusal as refusal:
            await PlainTextResponse(refusal.text + "\n", refusal.status)(scope, receive, send)
        except Exception as error:
            if was_answered(scope):
                return
            if not isinstance(error, RuntimeError) or not isinstance(error.__cause__, HTTPException):
                raise
            # A stream of events for a session that is gone: Gradio says so in it, then raises, and 80 lines of the log
            # would tell of it.
            await send({"type": "http.response.body", "body": b""})

    def _admit(self, scope: Scope, headers: Headers) -> None:
        """Raises: Refusal."""
        hosts = headers.getlist("host")
        host = split_authority(hosts[0]) if len(hosts) == 1 else None
        if host is None:
            raise Refusal(400, "The request does not say which host it is for.")
        if host[0] not in self._names:
            raise Refusal(
                403,
                f"Sidetune does not answer to the name {host[0]}. If the name is yours, start it with "
                f"--allow-host {host[0]}",
            )
        self._drop_foreign_forwarding(scope, headers)
        if self._is_foreign(scope, headers, host):
            raise Refusal(403, "This request comes from another page. Only Sidetune's own page may send it.")
        path = scope[_ROUTE].lower()
        if path.startswith(_UNUSED):
            raise Refusal(404, "There is nothing here.")
        if self._signed_in is not None and path not in _OPEN and not path.startswith(_OPEN_FOLDERS):
            cookies = cookie_parser("; ".join(headers.getlist("cookie")))
            if not self._signed_in(cookies):
                raise Refusal(401, "Sign in first.")

    def _drop_foreign_forwarding(self, scope: Scope, headers: Headers) -> None:
        """Gradio writes what these headers say into its page, as the address to ask from then on."""
        for header in ("x-forwarded-host", "x-gradio-server"):
            for text in headers.getlist(header):
                scheme, found, rest = text.rpartition("://")
                name = split_authority(rest.removesuffix("/") if found else rest)
                if name is None or name[0] not in self._names or scheme not in ("", "http", "https"):
                    scope["headers"] = [pair for pair in scope["headers"] if pair[0] != header.encode()]

    def _is_foreign(self, scope: Scope, headers: Headers, host: tuple[str, str]) -> bool:
        """Whether a page other than the app's own sent this request, as its browser says."""
        site = headers.get("sec-fetch-site", "")
        if any(not self._is_own(origin, host, site) for origin in headers.getlist("origin")):
            return True
        return site in ("cross-site", "same-site") and not self._opens_page(scope, headers)

    def _is_own(self, origin: str, host: tuple[str, str], site: str) -> bool:
        scheme, _, authority = origin.partition("://")
        named = split_authority(authority)
        if scheme not in ("http", "https") or named is None:
            return False  # "null" too: a sandboxed frame, a file
        name, port = named
        vouched = site == "same-origin"  # a page cannot write this header: ports that a proxy changed do not matter
        default = {"http": "80", "https": "443"}[scheme]
        if name == host[0]:
            return vouched or (port or default) == (host[1] or default)
        return name in self._names.declared and (vouched or port in ("", default))

    def _opens_page(self, scope: Scope, headers: Headers) -> bool:
        """Whether somebody follows a link to the page, or a Space's frame loads it."""
        shown = ("document", "iframe") if self._space else ("document",)
        return (
            scope["method"] in ("GET", "HEAD")
            and scope[_ROUTE] == PAGE
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") in shown
        )

    def _telling(self, scope: Scope, send: Send) -> Send:
        """`send`, with the headers that every answer carries."""
        policy = content_policy(scope[NONCE], self._hashes, _FRAMED_BY if self._space else "")
        told = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",  # not "no-referrer": forms would then send the Origin "null"
            "cross-origin-resource-policy": "same-origin",
        }
        if not self._space:
            told |= {"x-frame-options": "DENY", "cross-origin-opener-policy": "same-origin"}

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in told.items():
                    headers[name] = value
                if scope[_ROUTE].startswith("/assets/") and message["status"] == 200:
                    headers.setdefault("cache-control", _KEPT)
                message["headers"] = [self._cookie(scope, pair) for pair in message["headers"]]
            await send(message)

        return tell

    def _cookie(self, scope: Scope, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        """A cookie of the login as it should travel: never along with another site's requests, but in a Space's frame.

        There it is third-party, and partitioned: the browser keeps it for that frame alone.
        """
        name, value = header
        if name.lower() != b"set-cookie":
            return header
        none = b"SameSite=none"
        if self._space:
            return name, value.replace(none, none + b"; Partitioned")
        return name, value.replace(none, b"SameSite=lax")
