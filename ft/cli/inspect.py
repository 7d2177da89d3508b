"""sidetune inspect: a dataset in tokens."""

from __future__ import annotations

import argparse
import sys
from itertools import groupby

from ft.cli.output import note, plain, print_json, say
from ft.config import TrainConfig
from ft.dataset import versions
from ft.figures import count
from ft.template.microscope import Microscope
from ft.train import tokens
from ft.train.data import Counts
from ft.train.tokens import Lengths


def inspect(args: argparse.Namespace) -> int:
    """Tell how long conversations are in tokens and what is learnt; with --row, show one token by token."""
    version = versions.find(args.name)
    config = tokens.config_of(args.model or "", args.max_length)
    if args.row is None:
        counts = tokens.count_all(version, config, note)
        if args.json:
            print_json(tokens.all_as_json(version, counts, config))
        else:
            _say_all(version, counts, config)
        return 0
    seen = tokens.look_at(version, args.row, config, note)
    if args.json:
        print_json(tokens.one_as_json(seen, args.row, config.model))
    else:
        _say_row(seen, args.row, config)
    return 0


def _say_row(seen: Microscope, row: int, config: TrainConfig) -> None:
    coloured = sys.stdout.isatty()
    marks = {
        "trained": ("\033[1;32m", "\033[0m") if coloured else ("[", "]"),
        "cut": ("\033[9;31m", "\033[0m") if coloured else ("~", "~"),
        "context": ("", ""),
    }
    for sample, pieces in groupby(seen.pieces, key=lambda piece: piece.sample):
        if seen.samples > 1:
            print(f"\n-- Sample {sample + 1} of {seen.samples} --" if sample else f"-- Sample 1 of {seen.samples} --")
        text, last = "", "context"
        for piece in [*pieces, None]:
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
    if seen.shown < seen.tokens:
        found.append(f"The first {seen.shown:,} are shown here.")
    if seen.samples > 1:
        found.append(
            f"The chat template rewrites earlier replies, so it becomes {seen.samples} samples: each reply is learnt "
            "once, behind the conversation as the chat shows it then."
        )
    if seen.ends:
        replies = count(len(seen.ends), "reply", "replies")
        found.append(f"The token that ends a turn is learnt in {sum(seen.ends)} of {replies}.")
    if seen.dropped:
        found.append(f"At a maximum length of {seen.max_length:,} nothing is left: not even the first reply fits.")
    elif seen.cut:
        turns = f", and {count(seen.lost_turns, 'reply', 'replies')} with them" if seen.lost_turns else ""
        found.append(f"At a maximum length of {seen.max_length:,}, {count(seen.cut, 'token')} are cut off{turns}.")
    return [*found, *seen.remarks]


def _say_all(version: versions.Version, counts: Counts, config: TrainConfig) -> None:
    lengths = Lengths.of(counts, config.max_length)
    say(f"{version.name}, version {version.version}, with the tokenizer of {config.model}:")
    learnt = f"{count(lengths.tokens, 'token')}, {lengths.trained:,} of them learnt"
    say(f"{count(lengths.conversations, 'conversation')}, {learnt}.")
    for sentence in tokens.said_of_all(counts, config):
        say(sentence)
    say(f"Shortest {lengths.shortest:,}, median {lengths.median:,}, longest {lengths.longest:,} tokens.\n")
    most = max(many for _, _, many in lengths.histogram)
    for start, end, many in lengths.histogram:
        say(f"  {start:6,} to {end:6,}  {'#' * round(40 * many / most)} {many:,}")
    lost = f" {counts.lost()}." if lengths.beyond else ""
    say(f"\nBeyond the maximum length of {config.max_length:,} tokens: {lengths.beyond:,}.{lost}")
