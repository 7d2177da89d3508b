"""What the browser is told about the page: what it may load and run, who may frame it, how its cookies travel."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NONCE = "sidetune.nonce"  # the key in an ASGI scope under which the nonce of one response travels
_SCRIPT = b"<script"


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


def hash_of(script: str) -> str:
    """How a policy names an inline script whose whole text is known."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def content_policy(nonce: str, hashes: Iterable[str] = (), around: str = "") -> str:
    """The Content-Security-Policy of one response: nothing from another host, and no script but those of the page.

    `around` is the site that may show the page in a frame, and that the page asks about itself: Hugging Face, for a
    Space. `nonce` is that of the scripts in the page's HTML; `hashes` name the scripts that Gradio adds later.
    Gradio runs the `js=` of an event, and Vega its expressions, with eval; both write inline styles.
    """
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", "'unsafe-eval'", f"'nonce-{nonce}'", *hashes]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": f"'self' data: blob: {around}".strip(),
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "frame-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": around or "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


class MarkScripts:
    """Inner ASGI layer, before Gradio compresses: gives the scripts of an HTML page the nonce of its response.

    Gradio escapes "<" in all the data that its page embeds, so what begins with "<script" is a script of its own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        nonce: str = scope.get(NONCE, "")
        start: Message | None = None
        body = bytearray()

        async def mark(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_html(message):
                start = message  # sent with the body, whose length changes
            elif start is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    marked = bytes(body).replace(_SCRIPT, b'<script nonce="%s"' % nonce.encode())
                    MutableHeaders(scope=start)["content-length"] = str(len(marked))
                    await send(start)
                    await send({**message, "body": marked})

        await self._app(scope, receive, mark if nonce else send)


def _is_html(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/html")
