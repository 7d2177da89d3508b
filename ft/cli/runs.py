"""sidetune train, runs, stop, resume, rename."""

from __future__ import annotations

import argparse
from typing import Any

from ft import presets
from ft.cli.follow import follow
from ft.cli.output import moment, note, print_json, say, table
from ft.config import TrainConfig
from ft.dataset import versions
from ft.figures import count, duration, memory
from ft.models import catalogue
from ft.runs import directory, events, launch, stopping
from ft.runs.directory import Run
from ft.runs.overview import overview
from ft.runs.status import summary


def train(args: argparse.Namespace) -> int:
    """Make a run and start it, unless `--prepare` is given; follow it unless `--detach` is."""
    version = versions.find(args.name)
    config = config_of(args)
    catalogue.resolve(config.model)  # a name that nothing answers to is said now, not in the run's log
    if args.prepare:
        return _prepared(directory.create(version, config, args.run_name), args)
    return _started(launch.begin(version, config, args.run_name), 0, args)


def _prepared(run: Run, args: argparse.Namespace) -> int:
    events.append(run, "stopped", step=0, prepared=True)
    if args.json:
        print_json({**summary(run), "folder": str(run.path)})
    else:
        say(f"Run {run.title} is in {run.path}\nStart it: accelerate launch ... -m ft.train.worker {run.path}")
    return 0


def config_of(args: argparse.Namespace) -> TrainConfig:
    """The config that the words of `sidetune train` and `sidetune trial` ask for."""
    settings: dict[str, Any] = dict(args.set)
    if args.model:
        settings["model"] = args.model
    if args.max_steps is not None:
        settings["max_steps"] = args.max_steps
    return presets.configure(args.preset or "", settings)


def resume(args: argparse.Namespace) -> int:
    """Start a stopped or interrupted run again from its last checkpoint."""
    run = directory.find(args.run)
    before = len(events.read(run))
    launch.resume(run)
    return _started(run, before, args)


def _started(run: Run, before: int, args: argparse.Namespace) -> int:
    """Follow the run, whose first `before` events were told of earlier, unless `--detach` is given."""
    if not args.json:
        say(f"Run {run.title}")
    if args.detach:
        if args.json:
            print_json(summary(run))
        else:
            say(f"It trains in the background. See: sidetune runs {run.id}   Stop it: sidetune stop {run.id}")
        return 0
    ended = follow(run, before)
    found = summary(run)
    if args.json:
        print_json({**found, **_error(run, found)})
    elif ended:
        _say_end(run, found)
    return 0 if not ended or found["status"] in ("finished", "stopped") else 1


def _error(run: Run, found: dict[str, Any]) -> dict[str, Any]:
    """{"error": {"given", "why", "todo"}} where the run has failed, as commands that fail print it."""
    if found["status"] not in ("failed", "interrupted"):
        return {}
    if found["status"] == "interrupted":
        return {"error": {"given": f"run {run.title}", "why": found["message"], "todo": f"sidetune resume {run.id}"}}
    failed = next(event for event in reversed(events.read(run)) if event["kind"] == "failed")
    return {"error": {key: failed.get(key, "") for key in ("given", "why", "todo")}}


def runs(args: argparse.Namespace) -> int:
    """List the runs, or show one."""
    if args.run:
        run = directory.find(args.run)
        found = summary(run)
        if args.json:
            print_json({**found, "settings": run.config.train.model_dump(), **_error(run, found)})
        else:
            _say_run(run, found)
        return 0
    now = overview()
    listing = now.summaries
    for _, damage in now.damaged:
        note(f"error: {damage}")
    if args.json:
        print_json(now.as_json())
    elif not listing:
        say("There are no runs yet. Start one: sidetune train NAME   (datasets: sidetune datasets)")
    else:
        titles = ("run", "name", "status", "dataset", "step", "steps", "validation before", "after", "started")
        keys = ("run", "name", "status", "dataset", "step", "steps", "validation_loss_before", "validation_loss_after")
        say(table(titles, [(*(each[key] for key in keys), moment(each["created"])) for each in listing]))
        say("\nLook at one: sidetune runs RUN   Talk to it: sidetune chat RUN --prompt TEXT   (RUN may be latest)")
    return 0


def stop(args: argparse.Namespace) -> int:
    """Ask a run to stop, or end it at once where `--now` is given."""
    run = directory.find(args.run)
    if args.now:
        stopping.stop_now(run)
    else:
        launch.stop(run)
    if args.json:
        print_json(summary(run))
    elif args.now:
        say(f"{run.title} is stopped. Go on from its last checkpoint: sidetune resume {run.id}")
    else:
        say(
            f"Asked {run.title} to stop. It ends its step and saves a checkpoint; go on later: sidetune resume {run.id}"
        )
    return 0


def rename(args: argparse.Namespace) -> int:
    """Give a run another name."""
    run = directory.find(args.run)
    directory.rename(run, args.run_name)
    if args.json:
        print_json(summary(run))
    else:
        say(f"{run.id} is called {run.name} now.")
    return 0


def _say_end(run: Run, found: dict[str, Any]) -> None:
    say(_state(found))
    if found["status"] in ("failed", "interrupted"):
        say(f"Log: {run.log_path}")
    _say_figures(found)
    _say_advice(found)
    if found["adapter"]:
        say(f"\nNext: sidetune chat {run.id} --prompt 'Hello'")
    elif found["status"] == "stopped" or found["status"] == "interrupted":
        say(f"\nNext: sidetune resume {run.id}")


def _say_run(run: Run, found: dict[str, Any]) -> None:
    say(f"Run {run.title}, on {found['dataset']} {found['version']}, made {moment(found['created'])}")
    for remark in found["remarks"]:
        say(remark)
    _say_end(run, found)
    say("\nSettings:")
    for name, value in run.config.train.model_dump().items():
        say(f"  {name} = {value}")
    say(f"Folder: {run.path}")


def _state(found: dict[str, Any]) -> str:
    message = found["message"]
    words = message if found["status"] in message.lower() else f"{found['status'].capitalize()}: {message}"
    steps = f" (step {found['step']} of {found['steps']})" if found["steps"] else ""
    left = f", {duration(found['seconds_left'])} left" if found["seconds_left"] is not None else ""
    return f"{words.rstrip('.')}{steps}{left}."


def _say_figures(found: dict[str, Any]) -> None:
    before, after = found["validation_loss_before"], found["validation_loss_after"]
    if before is not None and after is not None:
        change = "lower is better" if after <= before else "it rose"
        say(f"Validation loss {before:.4f} before, {after:.4f} after (step {found['best_step']}; {change})")
    if found["loss"] is not None:
        say(f"Training loss {found['loss']:.4f} at the last step")
    if found["trained_tokens"]:
        speed = f", {found['tokens_per_second']:,.0f} tokens/s" if found["tokens_per_second"] else ""
        say(f"{count(found['trained_tokens'], 'token')} to learn an epoch{speed}")
    if found["peak_memory_bytes"]:
        say(f"Peak memory {memory(found['peak_memory_bytes'])}")
    if found["adapter"]:
        say(f"Adapter: {found['adapter']}")


def _say_advice(found: dict[str, Any]) -> None:
    if found["advice"]:
        say("\nAdvice:")
    elif found["status"] == "finished":
        say("\nAdvice: no change suggested.")
    for each in found["advice"]:
        say(f"- {each['text']}")
        if each["settings"]:
            options = " ".join(f"--set {name}={value}" for name, value in each["settings"].items())
            say(f"  Try {each['change']}: {options}")
