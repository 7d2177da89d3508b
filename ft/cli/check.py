"""sidetune check: what to know of a dataset before training on it."""

from __future__ import annotations

import argparse

from ft.checks.check import check as checked
from ft.cli.output import note, print_json, say
from ft.dataset import versions
from ft.figures import count

_ROWS_SHOWN = 12


def check(args: argparse.Namespace) -> int:
    """Tell what was found; with --fix, put it right."""
    version = versions.find(args.name)
    done = checked(version, args.fix, _told)
    if args.json:
        print_json(done)
        return 0
    if not done["findings"]:
        say(f"Nothing to say against {version.name}, version {version.version}.")
    for remark in done["remarks"]:
        say(remark + "\n")
    for each in done["findings"]:
        say(f"{each['title']}  ({each['code']})")
        say(f"  {each['advice']}")
        if each["rows"]:
            more = ", ..." if len(each["rows"]) > _ROWS_SHOWN else ""
            say(f"  Conversations {', '.join(f'{row:,}' for row in each['rows'][:_ROWS_SHOWN])}{more}")
        for example in each["examples"][:2]:
            say(f"  For example: {' '.join(example['text'].split())}")
            if "after" in example:
                say(f"  After:       {' '.join(example['after'].split())}")
        if each["code"] not in [words.partition("=")[0] for words in args.fix]:
            for place, fix in enumerate(each["fixes"]):
                named = f"{each['code']}={fix}" if place else each["code"]
                say(f"  To {_FIXES[fix]}: sidetune check {version.name} --fix {named}")
        say()
    if done["fixed"]:
        say(f"{'; '.join(done['fixed'])}: {done['dataset']} is version {done['version']} now, with {done['kept']:,}.")
        say(f"Undo: sidetune undo {done['dataset']}")
    return 0


_FIXES = {
    "delete": "delete them",
    "reason": "make them the reasoning of their replies",
    "redact": "redact them",
    "strip": "take them out",
    "untrain": "keep them as context that is not learnt",
}


def _told(done: int) -> None:
    if done and done % 10_000 == 0:
        note(f"Checked {count(done, 'conversation')} ...")
