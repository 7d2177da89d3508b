"""The command line: `sidetune ...` and `python -m ft ...`. What it promises to scripts is in docs/design.md."""

from ft.cli.command import main, serve_main

__all__ = ["main", "serve_main"]
