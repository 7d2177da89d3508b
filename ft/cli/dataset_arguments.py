"""The words of the commands that make, look at, change and hand out datasets."""

from __future__ import annotations

import argparse
from typing import Any

from formats.convert import FORMATS
from formats.repair import REPAIRS
from ft.dataset import export
from ft.dataset.near import THRESHOLD
from ft.dataset.split import HELD_OUT


def add(commands: Any, json_option: Any) -> None:
    """Add the parsers to `commands`; `json_option` adds --json to one of them."""
    convert = commands.add_parser(
        "convert",
        help="make a dataset, or its next version, from files of chats",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="repairs (on unless said otherwise):\n"
        + "\n".join(f"  {code:24} {'' if kind.on else '(off) '}{kind.words}" for code, kind in REPAIRS.items()),
    )
    convert.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="JSON, JSON Lines, CSV, Parquet or Arrow, also in .gz or .zip; or hf://datasets/owner/name",
    )
    convert.add_argument("--name", required=True, help="the dataset's name")
    convert.add_argument("--format", choices=("auto", *FORMATS), default="auto", help="default: auto, by its keys")
    convert.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="WHAT=COLUMN",
        help="read by columns: prompt=, reply=, input=, system=, reasoning= (and conversation=, order= where several "
        "rows are one chat); or a list of turns: turns=, role=, text=, reasoning=, role.NAME=assistant; or one message "
        "a row: conversation=, order=, role=, text=, reasoning=, role.NAME=assistant",
    )
    convert.add_argument("--repair", action="append", default=[], metavar="CODE", help="switch a repair on, see below")
    convert.add_argument("--no-repair", action="append", default=[], metavar="CODE", help="switch a repair off")
    convert.add_argument(
        "--fill", action="append", default=[], metavar="NAME=TEXT", help="put TEXT where {{NAME}} stands in the chats"
    )
    convert.add_argument(
        "--held-out",
        type=float,
        default=HELD_OUT,
        metavar="PERCENT",
        help=f"never trained on, to validate with; default: {HELD_OUT}",
    )
    convert.add_argument(
        "--mended", action="store_true", help="FILE is the dataset's rejected.jsonl, mended: continue from it"
    )
    json_option(convert)

    datasets = commands.add_parser("datasets", help="list the datasets, or show one")
    datasets.add_argument("name", nargs="?", metavar="NAME")
    json_option(datasets)

    check = commands.add_parser("check", help="what to know of a dataset before training on it, and a fix for it")
    check.add_argument("name", metavar="NAME")
    check.add_argument(
        "--fix", action="append", default=[], metavar="CODE[=FIX]", help="put this finding right, as a new version"
    )
    json_option(check)

    inspect = commands.add_parser("inspect", help="a dataset in tokens: how long, what is learnt, what is cut off")
    inspect.add_argument("name", metavar="NAME")
    inspect.add_argument("--row", type=int, metavar="N", help="one conversation, token by token (1: the first)")
    inspect.add_argument("--model", metavar="M", help="whose tokenizer: default, a folder or a Hub id")
    inspect.add_argument("--max-length", type=int, metavar="N", help="tokens; default: that of training")
    json_option(inspect)

    dedup = commands.add_parser("dedup", help="remove conversations that are the same as, or nearly as, an earlier one")
    dedup.add_argument("name", metavar="NAME")
    dedup.add_argument("--near", action="store_true", help="near duplicates too, not only the same ones")
    dedup.add_argument("--threshold", type=float, default=THRESHOLD, help=f"how near, 0 to 1 (default: {THRESHOLD})")
    dedup.add_argument("--dry-run", action="store_true", help="only tell the groups")
    json_option(dedup)

    combine = commands.add_parser("combine", help="make one dataset of several")
    combine.add_argument("names", nargs="+", metavar="NAME[:WEIGHT][:max=N]", help="chats:0.5 takes half of chats")
    combine.add_argument("--name", required=True, help="the new dataset's name")
    json_option(combine)

    for word, what in (("undo", "go back to before a dataset's last edit"), ("redo", "go forward again after undo")):
        command = commands.add_parser(word, help=what)
        command.add_argument("name", metavar="NAME")
        json_option(command)

    delete = commands.add_parser("delete", help="delete a dataset with all of its versions")
    delete.add_argument("name", metavar="NAME")
    delete.add_argument("--yes", action="store_true", help="it is meant: nothing brings it back")
    json_option(delete)

    hand_out = commands.add_parser("export-data", help="write a dataset to a file for others")
    hand_out.add_argument("name", metavar="NAME")
    hand_out.add_argument("--to", required=True, metavar="FILE")
    hand_out.add_argument("--format", choices=export.FORMATS, default="messages", help="default: messages")
    hand_out.add_argument("--split", choices=("train", "validation"), help="default: both sides")
    json_option(hand_out)

    push = commands.add_parser("push", help="write a dataset to the Hugging Face Hub, with a card that says all of it")
    push.add_argument("name", metavar="NAME")
    push.add_argument("to", metavar="OWNER/NAME", help="the Hub's dataset; made where it is not there yet")
    push.add_argument("--public", action="store_true", help="everybody may see it; default: only you")
    push.add_argument("--format", choices=export.FORMATS, default="messages", help="default: messages")
    json_option(push)
