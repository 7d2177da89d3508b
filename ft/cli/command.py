"""From the words of a command line to an exit status: 0 done, 1 failed, 2 bad usage, 130 interrupted."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence

from ft.cli import compare, datasets, edit, queue, runs
from ft.cli.arguments import add_serve_options, parser
from ft.cli.output import note, print_json
from ft.errors import UserError

INTERRUPTED = 128 + signal.SIGINT  # as a shell says it of a command that Ctrl-C ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of `sidetune` (`argv`: its words, by default those of this process) and return its exit status.

    Raises:
        SystemExit: bad usage (2), or --help was asked for (0).
    """
    args = parser().parse_args(argv)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "convert": datasets.convert,
        "datasets": datasets.datasets,
        "check": _check,
        "inspect": _inspect,
        "dedup": edit.dedup,
        "combine": edit.combine,
        "undo": edit.undo,
        "redo": edit.redo,
        "delete": edit.delete,
        "export-data": edit.export_data,
        "push": edit.push,
        "train": runs.train,
        "trial": _trial,
        "runs": runs.runs,
        "compare": compare.compare,
        "stop": runs.stop,
        "resume": runs.resume,
        "rename": runs.rename,
        "export-adapter": _export_adapter,
        "queue": queue.show,
        "chat": _chat,
        "serve": _serve,
    }
    return _run(commands[args.command], args)


def serve_main(argv: Sequence[str] | None = None) -> int:
    """What `python app.py` does: `sidetune serve` with the same options.

    Raises:
        SystemExit: as `main`.
    """
    options = argparse.ArgumentParser(prog="app.py", description="Open the Sidetune web app.")
    add_serve_options(options)
    return _run(_serve, options.parse_args(argv))


def _run(command: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that is not UTF-8 must not end a command halfway
            stream.reconfigure(errors="backslashreplace")
    try:
        return command(args)
    except UserError as error:
        if getattr(args, "json", False):
            print_json({"error": {"given": error.given, "why": error.why, "todo": error.todo}})
        else:
            note(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        note("Stopped.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has seen enough; Python would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


# Imported where they are used: torch, gradio and others take long to import, and most commands do without them.
def _chat(args: argparse.Namespace) -> int:
    from ft.cli.chat import chat

    return chat(args)


def _check(args: argparse.Namespace) -> int:
    from ft.cli.check import check

    return check(args)


def _inspect(args: argparse.Namespace) -> int:
    from ft.cli.inspect import inspect

    return inspect(args)


def _export_adapter(args: argparse.Namespace) -> int:
    from ft.cli.export import export_adapter

    return export_adapter(args)


def _trial(args: argparse.Namespace) -> int:
    from ft.cli.trial import try_out

    return try_out(args)


def _serve(args: argparse.Namespace) -> int:
    from ft.cli.serve import serve

    return serve(args)
