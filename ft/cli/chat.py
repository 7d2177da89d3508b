"""sidetune chat: one prompt to the base and the tuned model, both replies."""

from __future__ import annotations

import argparse
from collections import deque

from formats.conversation import Message
from ft.chat.engine import Engine
from ft.chat.pair import Reply, as_json
from ft.cli.output import note, print_json, say
from ft.runs import directory


def chat(args: argparse.Namespace) -> int:
    """Ask both models of a run the same and print what each of them says."""
    run = directory.find(args.run)
    messages = [Message("user", args.prompt)]
    if args.system:
        messages.insert(0, Message("system", args.system))
    engine = Engine()
    opened = engine.open(run.id, progress=None if args.json else note)
    pairs = engine.reply(run.id, messages, messages, max_new_tokens=args.max_new_tokens, temperature=args.temperature)
    (pair,) = deque(pairs, maxlen=1)  # the last one: both replies finished
    if args.json:
        print_json(as_json(pair))
        return 0
    _say_reply(f"Base: {opened.base_title}", pair.base)
    _say_reply(f"Tuned: {opened.tuned_title}", pair.tuned)
    if pair.first_token_kl is not None:
        say(f"How far the two differ on the first token (KL divergence): {pair.first_token_kl:.4f} nats")
    if pair.caution:
        say(f"Warning: {pair.caution}")
    if not pair.base_is_base:
        say("Warning: the left reply's model no longer equals the base model, so this comparison cannot be trusted.")
    return 0


def _say_reply(title: str, reply: Reply) -> None:
    cut = ", cut off by --max-new-tokens" if reply.reason == "length" else ""
    say(f"{title} ({reply.tokens} tokens in {reply.seconds:.1f} s{cut})")
    say(reply.text.strip() or "(an empty reply)")
    say()
