"""sidetune dedup, combine, undo, redo, delete, export-data, push."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ft.cli.output import note, print_json, say
from ft.dataset import build, edit, export, versions
from ft.dataset import combine as combining
from ft.dataset import dedup as removing
from ft.dataset.remove import require_folder
from ft.errors import UserError
from ft.figures import count
from ft.hub import push as pushing
from ft.runs import deletion

_GROUPS_SHOWN = 10


def dedup(args: argparse.Namespace) -> int:
    """Remove duplicates: of each group the first stays."""
    version = versions.find(args.name)
    done = removing.dedup(
        version,
        near_too=args.near,
        threshold=args.threshold,
        dry_run=args.dry_run,
        progress=_told("conversation"),
    )
    if args.json:
        print_json(done)
        return 0
    groups = done["groups"]
    if not groups:
        say(f"No {'near ' if args.near else ''}duplicate in {version.name}, version {version.version}.")
        return 0
    for group in groups[:_GROUPS_SHOWN]:
        which = ", ".join(f"{row:,}" for row in group["rows"][:12]) + (", ..." if len(group["rows"]) > 12 else "")
        alike = "the same" if group["kind"] == "same" else f"at least {group['similarity']:.0%} alike"
        say(f"  conversations {which}: {alike}")
    if len(groups) > _GROUPS_SHOWN:
        say(f"  ... and {count(len(groups) - _GROUPS_SHOWN, 'more group')}")
    if done["on_both_sides"]:
        say(f"{count(done['on_both_sides'], 'group stands', 'groups stand')} on both sides of the split.")
    if args.dry_run:
        say(f"{count(len(groups), 'group')}. Nothing was removed (--dry-run).")
    else:
        say(f"Removed {count(done['removed'], 'conversation')}: {done['dataset']} is version {done['version']} now.")
        say(f"Undo: sidetune undo {done['dataset']}")
    return 0


def combine(args: argparse.Namespace) -> int:
    """Make one dataset of several."""
    versions.check_name(args.name)
    staged = combining.combine([combining.part(word) for word in args.names])
    try:
        version = build.save(staged, args.name)
    finally:
        build.discard(staged)
    if args.json:
        print_json(version.report)
        return 0
    for file in version.report["files"]:
        say(f"Took {count(file['kept'], 'conversation')} of {file['name']} (of {file['read']:,}; {file['reason']}).")
    splits = version.report["splits"]
    say(
        f"Dataset {version.name}, version {version.version}: {count(version.count(), 'conversation')}, "
        f"{splits['train']:,} to train on and {splits['validation']:,} held out."
    )
    return 0


def undo(args: argparse.Namespace) -> int:
    """Go back to before the last edit."""
    return _moved(edit.undo(args.name), args)


def redo(args: argparse.Namespace) -> int:
    """Go forward again."""
    return _moved(edit.redo(args.name), args)


def _moved(version: versions.Version, args: argparse.Namespace) -> int:
    if args.json:
        print_json(versions.details(version))
    else:
        say(f"Dataset {version.name} is at version {version.version}: {count(version.count(), 'conversation')}.")
    return 0


def delete(args: argparse.Namespace) -> int:
    """Delete a dataset, once that is said to be meant."""
    if not args.yes:
        require_folder(args.name)
        all_versions = count(len(versions.list_versions(args.name)), "version")
        runs = len(deletion.trained_on(args.name))
        trained = f"; {count(runs, 'run')} trained on it" if runs else ""
        why = f"all of it would be gone for good: {all_versions}{trained}."
        raise UserError(f"dataset {args.name!r}", why, f"If that is meant: sidetune delete {args.name} --yes")
    deletion.delete_dataset(args.name)
    if args.json:
        print_json({"deleted": args.name})
    else:
        say(f"Deleted {args.name}.")
    return 0


def export_data(args: argparse.Namespace) -> int:
    """Write a dataset to a file."""
    version = versions.find(args.name)
    path = Path(args.to).expanduser()
    done = export.export(version, path, args.format, args.split, _told("conversation"))
    if args.json:
        beside = str(done.left_out_path) if done.left_out_path else None
        document = {"file": str(done.path), "format": args.format, "written": done.written, "left_out": done.left_out}
        print_json({**document, "left_out_file": beside})
        return 0
    say(f"Wrote {count(done.written, 'conversation')} to {done.path}.")
    for reason, number in done.left_out.items():
        say(f"Left out {count(number, 'conversation')}: {reason}")
    if done.left_out_path:
        say(f"They are in {done.left_out_path}.")
    return 0


def push(args: argparse.Namespace) -> int:
    """Write a dataset to the Hub."""
    done = pushing.push(versions.find(args.name), args.to, public=args.public, format=args.format, say=note)
    if args.json:
        print_json(done)
        return 0
    written = ", ".join(f"{number:,} in {side}" for side, number in done["files"].items())
    say(f"Wrote {written} to {done['repo']}, which {'only you can see' if done['private'] else 'everybody can see'}.")
    for reason, number in done["left_out"].items():
        say(f"Left out {count(number, 'conversation')}: {reason}")
    say(done["url"])
    return 0


def _told(what: str) -> Callable[[int], None]:
    def told(done: int) -> None:
        if done and done % 20_000 == 0:
            note(f"Looked at {count(done, what)} ...")

    return told
