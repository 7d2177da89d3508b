"""sidetune queue: who has the device, who waits for it, and who is to go next."""

from __future__ import annotations

import argparse

from ft.cli.output import print_json, say, table
from ft.runs import directory, queue


def show(args: argparse.Namespace) -> int:
    """List the runs that wait, in their order; with a run and a direction, move it first.

    Raises:
        SystemExit: bad usage (2): a run without a direction, or a direction without a run.
    """
    if bool(args.run) != bool(args.where):
        args.misused("to move a run give both: RUN and one of --first, --up, --down")
    now = queue.move(directory.find(args.run), args.where) if args.run else queue.line()
    if args.json:
        print_json(queue.as_json(now))
        return 0
    for run in now.using:
        gpus = run.config.train.gpus
        say(f"{run.title} has {f'GPU {gpus}' if gpus else 'the device'}.")
    if now.trials:
        say("A trial has the device.")
    elif not now.using:
        say("No run has the device.")
    if not now.waiting:
        say("No run waits for it.")
        return 0
    rows = [
        (place, each.run.id, each.run.name, each.now.state, f"{each.run.config.dataset} {each.run.config.version}")
        for place, each in enumerate(now.waiting, 1)
    ]
    say(table(("place", "run", "name", "status", "dataset"), rows))
    say("\nMove one: sidetune queue RUN --first   Take one out, to start it again later: sidetune stop RUN")
    return 0
