"""The command line: `sidetune ...` and `python -m ft ...`. What it promises to scripts is in docs/design.md."""

from ft.cli.command import main, serve_main
from ft.cli.program import run, run_app

__all__ = ["main", "run", "run_app", "serve_main"]
