"""sidetune convert, sidetune datasets."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from formats import columns
from formats.columns import Columns
from formats.detect import detect
from formats.guess import guess, may_be_pairs
from formats.reading import Reading
from formats.repair import REPAIRS
from ft.cli.output import moment, note, print_json, say, table
from ft.dataset import build, rejected, sample, versions
from ft.dataset.look import first_records
from ft.dataset.remarks import remarks
from ft.dataset.split import fraction_of
from ft.dataset.tally import NothingKept
from ft.errors import UserError
from ft.figures import count
from ft.hub import pull
from ft.hub.access import SCHEME

_COLUMNS_SHOWN = 12
_PROBLEMS_SHOWN = 3  # of each code
_RECORDS_A_NOTE = 10_000


def convert(args: argparse.Namespace) -> int:
    """Convert files into the next version of the dataset `--name`."""
    versions.check_name(args.name)
    if args.mended:
        return _continue(args, [_brought(file) for file in args.files])
    files = [
        one for given in args.files for one in (_fetched(given) if given.startswith(SCHEME) else [_brought(given)])
    ]
    reading, fraction = _reading(args), fraction_of(args.held_out)
    try:
        staged = build.stage(files, reading=reading, validation_fraction=fraction, progress=_progress)
    except NothingKept as error:
        if not reading.columns and reading.format == "auto":
            raise UserError(error.given, error.why, _columns_to_say(files[0]) or error.todo) from error
        raise
    try:
        version = build.save(staged, args.name)
    finally:
        build.discard(staged)  # nobody could come back to it: from here on it is saved or lost
    if args.json:
        print_json({**version.report, "remarks": remarks(version)})
    else:
        _say_report(version)
        say(f"\nNext: sidetune train {version.name}")
    return 0


def _brought(file: str) -> build.SourceFile:
    return build.SourceFile(Path(file).expanduser(), Path(file).name)


def _fetched(address: str) -> list[build.SourceFile]:
    """The files of a dataset on the Hub."""
    found = pull.find(address)
    files = pull.fetch(found, say=note)
    if found.left:
        note(pull.left_out(found))
    return files


def _reading(args: argparse.Namespace) -> Reading:
    """How the files are to be read, as the options say."""
    switches = {**dict.fromkeys(args.repair, True), **dict.fromkeys(args.no_repair, False)}
    fill = {}
    for word in args.fill:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UserError(f"--fill {word}", "it is not of the form NAME=TEXT.", "Write for example --fill name=Ada.")
        fill[name] = text
    try:
        return Reading(args.format, Columns.parse(args.map) if args.map else None, switches, fill)
    except ValueError as error:
        raise UserError("the options", f"{error}.", "See: sidetune convert --help") from error


def _columns_to_say(file: build.SourceFile) -> str:
    """What to type where the file is in no known format: its columns, and a guess at what they hold; else ""."""
    records = first_records(file.path) if file.path.is_file() else []
    names = columns.names(records)
    if not names or detect(records).format:
        return ""
    guessed, why = guess(records)
    if not guessed and not may_be_pairs(records):
        return f"Its columns are {', '.join(names[:30])}. Nothing could be guessed: {why}."
    words = guessed.as_words() if guessed else ["prompt=COLUMN", "reply=COLUMN"]
    line = " ".join(f"--map {shlex.quote(word)}" for word in words)
    how = f"Guessed ({why}), to be checked" if guessed else f"Nothing could be guessed ({why})"
    return f"Its columns are {', '.join(names[:30])}. Say what they hold. {how}: {line}"


def _continue(args: argparse.Namespace, files: list[build.SourceFile]) -> int:
    """Read rejected records again that were mended in their file."""
    version: versions.Version | build.Staged = versions.find(args.name)
    fixed, still = 0, 0
    for file in files:
        if not file.path.is_file():
            raise UserError(file.name, "there is no such file.", "Name the mended rejected.jsonl.")
        found = rejected.retry_file(version, file.path, file.name)
        version, fixed, still = found.looked, fixed + found.fixed, still + len(found.still)
    assert isinstance(version, versions.Version)
    if args.json:
        print_json({**version.report, "remarks": remarks(version)})
    else:
        left = f"; {still:,} still cannot be used" if still else ""
        say(f"{count(fixed, 'rejected record')} mended{left}.")
        _say_report(version)
    return 0


def _progress(read: int) -> None:
    if read and read % _RECORDS_A_NOTE == 0:
        note(f"Read {count(read, 'record')} ...")


def datasets(args: argparse.Namespace) -> int:
    """List the datasets, or show one."""
    if args.name:
        version = versions.find(args.name)
        if args.json:
            print_json({**versions.details(version), "remarks": remarks(version)})
        else:
            _say_details(version)
        return 0
    listing = versions.listing()
    for damage in versions.damaged().values():
        note(f"error: {damage}")
    if args.json:
        print_json(listing + versions.damaged_as_json())
    elif not listing:
        say("There are no datasets yet. Make one from a file of chats (ShareGPT, Alpaca or OpenAI messages):")
        say("  sidetune convert FILE --name NAME")
        say("or from the sample that comes with Sidetune:")
        say(f"  sidetune convert '{sample.sample_file().path}' --name {sample.SAMPLE_NAME}")
    else:
        titles = ("dataset", "version", "format", "to train on", "held out", "rejected", "made")
        say(table(titles, [_row(each) for each in listing]))
        say("\nLook at one: sidetune datasets NAME   Train on one: sidetune train NAME")
    return 0


def _row(each: dict[str, Any]) -> tuple[object, ...]:
    splits = each["splits"]
    return (
        each["dataset"],
        each["version"],
        each["format"],
        splits["train"],
        splits["validation"],
        sum(each["rejected"].values()),
        moment(each["created"]),
    )


def _say_details(version: versions.Version) -> None:
    _say_report(version)
    source = version.source
    say(f"\nMade {moment(source['created'])} from:")
    for file in source["files"]:
        say(f"  {file['name']} ({count(file['bytes'], 'byte')}, sha256 {file['sha256']})")
    others = [each.version for each in versions.list_versions(version.name)]
    say(f"Versions: {', '.join(others)} (name one as {version.name}@{others[-1]})")
    say(f"Folder: {version.path}")
    say(f"\nNext: sidetune train {version.name}")


def _say_report(version: versions.Version) -> None:
    report = version.report
    for file in report["files"]:
        if not file["read"]:
            say(f"Passed over {file['name']}: {file['reason']}.")
            continue
        if not file["kept"]:
            say(f"Nothing in {file['name']} can be used ({file['reason'].rstrip('.')}).")
            continue
        read = f"Read {count(file['read'], 'record')} of {file['name']}, kept {file['kept']:,}"
        say(f"{read}: {file['format'] or 'no known format'} ({file['reason'].rstrip('.')}).")
    splits = report["splits"]
    say(
        f"Dataset {version.name}, version {version.version}: {count(report['kept'], 'conversation')}, "
        f"{splits['train']:,} to train on and {splits['validation']:,} held out to validate with."
    )
    for remark in remarks(version):
        say(remark)
    if report["duplicates"]:
        same = count(report["duplicates"], "conversation is", "conversations are")
        say(f"{same} the same as an earlier one (but for case and spaces): kept, and on the same side.")
    if report["repaired"]:
        say("\nRepaired:")
        for code, number in report["repaired"].items():
            say(f"  {count(number, 'record')}: {REPAIRS.get(code, code)} ({code})")
    _say_found(report)
    if report["rejected"]:
        _say_rejected(version, report)


def _say_found(report: dict[str, Any]) -> None:
    """What was seen and left as it is."""
    for code, number in report.get("found", {}).items():
        say(f"{count(number, 'record')} left unchanged; --repair {code}: {REPAIRS.get(code, code)}")
    if report.get("placeholders"):
        names = ", ".join(f"{{{{{name}}}}} in {number:,}" for name, number in report["placeholders"].items())
        say(f"{count(report['with_placeholders'], 'record')} with unfilled placeholders ({names}): see --fill.")
    if report.get("ignored"):
        columns = [f"{name} ({number:,})" for name, number in report["ignored"].items()]
        left = len(columns) - _COLUMNS_SHOWN
        more = f", and {left:,} more (--json names all)" if left > 0 else ""
        say(f"Columns that a conversation has no place for: {', '.join(columns[:_COLUMNS_SHOWN])}{more}.")


def _say_rejected(version: versions.Version, report: dict[str, Any]) -> None:
    say(f"\nRejected {count(sum(report['rejected'].values()), 'record')}:")
    for code, number in report["rejected"].items():
        say(f"  {number:,} x {code}")
        examples = [problem for problem in report["problems"] if problem["code"] == code]
        for problem in examples[:_PROBLEMS_SHOWN]:
            record = f", record {problem['record']}" if problem["record"] else ""
            turn = f", turn {problem['turn']}" if problem["turn"] else ""
            say(f"    {problem['file']}{record}{turn}: {problem['problem']} {problem['fix']}")
        if number > _PROBLEMS_SHOWN:
            say("    ...")
    say(f"Every rejected record, with its reason: {version.rejected_path}")
