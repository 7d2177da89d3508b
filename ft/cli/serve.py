"""`sidetune serve`: whom the app is for, decided and written to the environment before anything of it is imported."""

from __future__ import annotations

import argparse
import os
import signal
from typing import NoReturn

from ft import cache, hosting
from ft.cli.output import note
from ft.errors import UserError
from ft.models.memory import return_what_is_free

AUTH = "SIDETUNE_AUTH"
_ENVIRONMENT = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
}


def serve(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C or SIGTERM, which is how it is told to end: 0.

    Raises:
        UserError: the address cannot be used, or others could use it and nobody said whether they may.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)  # as the first process of a container it would be ignored
    try:
        _serve(args)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _serve(args: argparse.Namespace) -> None:
    auth = args.auth or _auth_of_the_environment()
    if auth and args.no_auth:
        raise UserError("--no-auth", f"{AUTH} says a password.", "Leave one of them out.")
    public = hosting.on_space() or not hosting.is_loopback(args.host)
    if public and not (auth or args.no_auth):
        raise UserError(
            "this Space" if hosting.on_space() else f"--host {args.host}",
            "others can reach the app there, see every dataset and run, and delete them.",
            f"Ask for a password: {AUTH}=user:password in the environment. If everybody who reaches it may do all of "
            "that (a private Space, a network of your own), say --no-auth (on a Space: SIDETUNE_NO_AUTH=1).",
        )
    if public or auth or args.hosted or args.allow_host or args.offer_model:
        hosting.become_hosted(args.offer_model or hosting.offered_models())
    os.environ.update(_ENVIRONMENT)
    return_what_is_free()
    with cache.claimed() as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(folder)  # Gradio reads it when it is imported
        try:
            from ft.ui.gradio_import import import_gradio

            import_gradio()
            from ft.ui.server import serve as serve_page

            serve_page(args.host, args.port, auth, args.allow_host)
        except KeyboardInterrupt:
            note("Ended.")


def _auth_of_the_environment() -> tuple[str, str] | None:
    """Who may enter, by the environment. Removed from it: what the app starts does not need to know."""
    given = os.environ.pop(AUTH, "")
    if not given:
        return None
    user, _, password = given.partition(":")
    if not user.strip() or not password:
        raise UserError(AUTH, "it is not of the form user:password.", "Give both, with a colon between them.")
    return user, password


def _interrupt(*signalled: object) -> NoReturn:
    raise KeyboardInterrupt
