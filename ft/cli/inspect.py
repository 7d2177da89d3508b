"""sidetune inspect: a dataset in tokens."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ft.cli.output import note, plain, print_json, say
from ft.config import TrainConfig
from ft.dataset import parquet, versions
from ft.errors import UserError
from ft.figures import count
from ft.models import catalogue
from ft.models.load import load_tokenizer
from ft.template.microscope import Microscope, look
from ft.template.render import Renderer
from ft.train.data import Counts, prepare

_BINS = 12


def inspect(args: argparse.Namespace) -> int:
    """Tell how long conversations are in tokens and what is learnt; with --row, show one token by token."""
    version = versions.find(args.name)
    given: dict[str, Any] = {"model": args.model} if args.model else {}
    if args.max_length is not None:
        given["max_length"] = args.max_length
    config = TrainConfig().with_settings(given)
    if args.row is not None and not 1 <= args.row <= version.count():
        raise UserError(f"row {args.row}", f"{version.name} has rows 1 to {version.count():,}.", "Choose one of them.")
    catalogue.resolve(config.model)
    renderer = Renderer(load_tokenizer(config.model, note))
    if args.row is None:
        return _whole(version, renderer, config, args.json)
    (conversation,) = parquet.take(version.conversations_path, [args.row - 1])
    seen = look(conversation, renderer, config.max_length)
    if args.json:
        print_json(_document(seen, args.row, config))
    else:
        _say_row(seen, args.row, config)
    return 0


def _document(seen: Microscope, row: int, config: TrainConfig) -> dict[str, Any]:
    tokens = [{"ids": list(p.ids), "text": p.text, "kind": p.kind, "special": p.special} for p in seen.pieces]
    return {
        "row": row,
        "model": config.model,
        "max_length": config.max_length,
        "count": seen.tokens,
        "trained": seen.trained,
        "cut": seen.cut,
        "lost_turns": seen.lost_turns,
        "end_of_turn_trained": list(seen.ends),
        "tokens": tokens,
    }


def _say_row(seen: Microscope, row: int, config: TrainConfig) -> None:
    coloured = sys.stdout.isatty()
    marks = {
        "trained": ("\033[1;32m", "\033[0m") if coloured else ("[", "]"),
        "cut": ("\033[9;31m", "\033[0m") if coloured else ("~", "~"),
        "context": ("", ""),
    }
    text, last = "", "context"
    for piece in [*seen.pieces, None]:
        kind = piece.kind if piece else "context"
        if kind != last:
            text += marks[last][1] + marks[kind][0]
            last = kind
        text += plain(piece.text) if piece else ""
    print(text)
    say("\n" + ("Green" if coloured else "In [brackets]") + ": what the model learns to write. The rest it reads only.")
    for sentence in sentences(seen, row, config.model):
        say(sentence)


def sentences(seen: Microscope, row: int, model: str) -> list[str]:
    """What there is to say of one conversation's tokens."""
    found = [f"Conversation {row:,}: {count(seen.tokens, 'token')} for {model}, {seen.trained:,} of them learnt."]
    if seen.ends:
        replies = count(len(seen.ends), "reply", "replies")
        found.append(f"The token that ends a turn is learnt in {sum(seen.ends)} of {replies}.")
    if seen.dropped:
        found.append(f"At a maximum length of {seen.max_length:,} nothing is left: not even the first reply fits.")
    elif seen.cut:
        turns = f", and {count(seen.lost_turns, 'reply', 'replies')} with them" if seen.lost_turns else ""
        found.append(f"At a maximum length of {seen.max_length:,}, {count(seen.cut, 'token')} are cut off{turns}.")
    return found


def _whole(version: versions.Version, renderer: Renderer, config: TrainConfig, as_json: bool) -> int:
    counts = Counts()
    for done, _ in enumerate(prepare(version.conversations(), renderer, config, counts)):
        if done and done % 2000 == 0:
            note(f"Counted {count(done, 'conversation')} ...")
    lengths = sorted(counts.lengths)
    beyond = sum(length > config.max_length for length in lengths)
    middle = lengths[len(lengths) // 2]
    if as_json:
        document: dict[str, Any] = {"dataset": version.name, "version": version.version, "model": config.model}
        document |= {"conversations": len(lengths), "tokens": sum(lengths), "trained": counts.trained_tokens}
        document |= {"shortest": lengths[0], "median": middle, "longest": lengths[-1]}
        print_json({**document, "max_length": config.max_length, "beyond": beyond, "histogram": _bins(lengths)})
        return 0
    say(f"{version.name}, version {version.version}, with the tokenizer of {config.model}:")
    tokens = f"{count(sum(lengths), 'token')}, {counts.trained_tokens:,} of them learnt"
    say(f"{count(len(lengths), 'conversation')}, {tokens}.")
    say(f"Shortest {lengths[0]:,}, median {middle:,}, longest {lengths[-1]:,} tokens.\n")
    bins = _bins(lengths)
    most = max(each["conversations"] for each in bins)
    for each in bins:
        bar = "#" * round(40 * each["conversations"] / most)
        say(f"  {each['from']:6,} to {each['to']:6,}  {bar} {each['conversations']:,}")
    lost = f" {counts.lost()}." if beyond else ""
    say(f"\nBeyond the maximum length of {config.max_length:,} tokens: {beyond:,}.{lost}")
    return 0


def _bins(lengths: list[int]) -> list[dict[str, int]]:
    width = max(1, -(-(lengths[-1] + 1 - lengths[0]) // _BINS))
    found = []
    for start in range(lengths[0], lengths[-1] + 1, width):
        inside = sum(start <= length < start + width for length in lengths)
        found.append({"from": start, "to": start + width - 1, "conversations": inside})
    return found
