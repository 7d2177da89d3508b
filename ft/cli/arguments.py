"""The command line's words: commands, options and their help. What it promises to scripts is in docs/design.md."""

from __future__ import annotations

import argparse
import os

from ft.cli import dataset_arguments
from ft.config import TrainConfig
from ft.presets import PRESETS
from ft.ui.own_names import split_authority


def parser() -> argparse.ArgumentParser:
    """The parser of `sidetune`; `command` of what it gives is the command's name."""
    top = argparse.ArgumentParser(
        prog="sidetune",
        description="Turn chats into a fine-tuned model, and talk to the base and the tuned model side by side.",
        epilog="A dataset is NAME or NAME@v2; a run is its id, the beginning of it, or latest.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    dataset_arguments.add(commands, _json)

    train = commands.add_parser(
        "train",
        help="train on a dataset",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="settings:\n" + "\n".join(f"  {k:25} {v.description}" for k, v in TrainConfig.model_fields.items()),
    )
    _configured(train)
    train.add_argument(
        "--name", dest="run_name", default="", help="what to call the run (default: the dataset and a number)"
    )
    begun = train.add_mutually_exclusive_group()
    begun.add_argument("--detach", action="store_true", help="leave it to train in the background")
    begun.add_argument("--prepare", action="store_true", help="only make its folder, for `accelerate launch` to start")
    _json(train)
    tried = commands.add_parser(
        "trial",
        help="take two real steps first: what a run needs of memory and time, and what to change if it is too much",
    )
    _configured(tried)
    tried.add_argument("--price", type=_price, metavar="P", help="of this machine an hour, to say what the run costs")
    _json(tried)

    runs = commands.add_parser("runs", help="list the runs, or show one")
    runs.add_argument("run", nargs="?", metavar="RUN")
    _json(runs)
    compare = commands.add_parser("compare", help="two or more runs beside each other, the best first")
    compare.add_argument("runs", nargs="+", metavar="RUN")
    _json(compare)
    stop = commands.add_parser("stop", help="ask a run to stop; it saves a checkpoint")
    stop.add_argument("run", metavar="RUN")
    stop.add_argument("--now", action="store_true", help="end it at once; it can go on from its last checkpoint")
    _json(stop)
    resume = commands.add_parser("resume", help="go on with a stopped or interrupted run")
    resume.add_argument("run", metavar="RUN")
    _detach(resume)
    _json(resume)
    rename = commands.add_parser("rename", help="give a run another name; its id stays")
    rename.add_argument("run", metavar="RUN")
    rename.add_argument("run_name", metavar="NAME")
    _json(rename)
    adapter = commands.add_parser("export-adapter", help="write the adapter of a run to a zip file, with a card")
    adapter.add_argument("run", metavar="RUN")
    adapter.add_argument("--to", required=True, metavar="FILE")
    _json(adapter)
    queue = commands.add_parser("queue", help="list the runs that wait for the device, or move one of them")
    queue.add_argument("run", nargs="?", metavar="RUN")
    where = queue.add_mutually_exclusive_group()
    for each, what in (("first", "let it go next"), ("up", "one place earlier"), ("down", "one place later")):
        where.add_argument(f"--{each}", dest="where", action="store_const", const=each, help=what)
    queue.set_defaults(misused=queue.error)
    _json(queue)

    chat = commands.add_parser("chat", help="ask the base and the tuned model the same")
    chat.add_argument("run", metavar="RUN")
    chat.add_argument("--prompt", required=True, metavar="TEXT")
    chat.add_argument("--system", default="", metavar="TEXT", help="system message for both")
    chat.add_argument("--max-new-tokens", type=_at_least_one, default=256, metavar="N", help="default: 256")
    chat.add_argument(
        "--temperature", type=_temperature, default=0.0, metavar="T", help="0 (default): always the likeliest"
    )
    _json(chat)

    add_serve_options(commands.add_parser("serve", help="open the web app"))
    return top


def _configured(target: argparse.ArgumentParser) -> None:
    target.add_argument("name", metavar="NAME", help="the dataset")
    target.add_argument("--model", help="base model: the default's name, a local folder or a Hub id")
    target.add_argument(
        "--preset",
        choices=[each.name for each in PRESETS],
        help="recipe to start from (default: lora-without-regret with a GPU, else cpu)",
    )
    target.add_argument(
        "--set", action="append", type=_setting, default=[], metavar="KEY=VALUE", help="change a setting, see below"
    )
    target.add_argument("--max-steps", type=_at_least_one, metavar="N", help="end after N steps")


def add_serve_options(target: argparse.ArgumentParser) -> None:
    """The options of `sidetune serve`, which are those of `python app.py` too."""
    target.add_argument(
        "--host",
        type=_host,
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine alone); others need a password, or --no-auth",
    )
    target.add_argument("--port", type=_port, help="default: the first free one from 7860 on")
    who = target.add_mutually_exclusive_group()
    who.add_argument(
        "--auth",
        type=_auth,
        metavar="USER:PASS",
        help="ask for this name and password; the list of processes shows it to others on this machine, which "
        "SIDETUNE_AUTH=USER:PASS in the environment does not",
    )
    who.add_argument("--no-auth", action="store_true", help="let everybody in who can reach it")
    target.add_argument(
        "--allow-host",
        action="append",
        type=_host,
        default=[],
        metavar="NAME",
        help="a name under which it is reached, for example behind a proxy; can be given again",
    )
    target.add_argument(
        "--hosted",
        action="store_true",
        help="it is for others: lend them no access token and no folder of this machine. Implied by --auth, "
        "--allow-host, --offer-model and a --host that others can reach",
    )
    target.add_argument(
        "--offer-model",
        action="append",
        type=_model,
        default=[],
        metavar="MODEL",
        help="a folder or Hub id that visitors may use as a base model too; can be given again",
    )


def _json(target: argparse.ArgumentParser) -> None:
    target.add_argument("--json", action="store_true", help="print JSON for a script")


def _detach(target: argparse.ArgumentParser) -> None:
    target.add_argument("--detach", action="store_true", help="leave it to train in the background")


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form key=value, for example epochs=2")
    return key.strip().replace("-", "_"), value.strip()


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:  # as the engine takes it
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 2")
    return value


def _price(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of money, for example 0.60")
    return value


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 1 to 65535")
    return int(text)


def _auth(text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    if not user or not password:
        raise argparse.ArgumentTypeError("give it as user:pass, both of them not empty")
    return user, password


def _host(text: str) -> str:
    named = split_authority(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)
    if named is None or named[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is not a name or an IP address, for example tune.example.org")
    return named[0]


def _model(text: str) -> str:
    if not text.strip() or os.pathsep in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder or a Hub id")
    return text.strip()
