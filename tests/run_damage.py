"""What can be wrong with a run's folder: each damage is done to a whole run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

from synthetic_runs import events_of

from ft.runs.directory import Run

WHOLE = events_of(lambda epoch: 4 - epoch, lambda epoch: 4.2 - epoch, steps=20)
SAYS = b'{"time": 1795226400.5, "kind": "%b"%b}\n'
Damage = Callable[[Run], object]


def lines(*added: bytes) -> Damage:
    """The run's events with these lines before its last."""

    def damage(run: Run) -> None:
        *before, last = run.events_path.read_bytes().splitlines(keepends=True)
        run.events_path.write_bytes(b"".join([*before, *added, last]))

    return damage


def step(fields: bytes) -> Damage:
    return lines(*(SAYS % (kind, b', "step": 7, ' + fields) for kind in (b"step", b"validation", b"started", b"data")))


def folder(name: str) -> Damage:
    def damage(run: Run) -> None:
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).mkdir()
        (run.path / name / "something").write_text("x")

    return damage


def file(name: str, content: bytes) -> Damage:
    def damage(run: Run) -> None:
        shutil.rmtree(run.path / name, ignore_errors=True)
        (run.path / name).parent.mkdir(exist_ok=True)
        (run.path / name).write_bytes(content)

    return damage


def config(**changed: object) -> Damage:
    def damage(run: Run) -> None:
        path = run.path / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))

    return damage


# A run that still can be read, but for what is wrong.
TOLERATED: dict[str, Damage] = {
    "infinite": step(b'"loss": 1e400, "epoch": NaN, "steps": Infinity, "memory_bytes": -Infinity'),
    "huge integers": step(b'"loss": %b, "steps": %b, "memory_bytes": %b' % ((b"9" * 400,) * 3)),
    "more digits than Python reads": step(b'"loss": ' + b"9" * 5000),
    "a huge step": lines(SAYS % (b"step", b', "step": 1' + b"0" * 30)),
    "a negative step": lines(SAYS % (b"step", b', "step": -5, "loss": 1.0')),
    "no step": lines(SAYS % (b"step", b""), SAYS % (b"validation", b', "loss": 1.0'), SAYS % (b"checkpoint", b"")),
    "a step of text": lines(SAYS % (b"step", b', "step": "7"'), SAYS % (b"validation", b', "step": [1]')),
    "figures of text": step(
        b'"loss": "low", "epoch": {}, "steps": "many", "memory_bytes": [], "tokens_per_second": ""'
    ),
    "figures that are true": step(b'"loss": true, "epoch": true, "steps": true, "memory_bytes": true'),
    "null everywhere": lines(
        *(
            SAYS
            % (kind, b"".join(b', "%b": null' % name.encode() for name in sorted({k for e in WHOLE for k in e})[:-1]))
            for kind in (b"started", b"data", b"launched", b"waiting", b"probe", b"smaller_batch")
        )
    ),
    "a time of text": lines(b'{"time": "now", "kind": "launched"}\n', b'{"time": [], "kind": "started"}\n'),
    "a time far ahead": lines(b'{"time": 9e15, "kind": "launched"}\n', b'{"time": 1e300, "kind": "stopped"}\n'),
    "no time": lines(b'{"kind": "launched"}\n', b'{"kind": "stopped"}\n'),
    "a kind that is a list": lines(b'{"time": 1, "kind": ["step"]}\n', b'{"time": 1, "kind": null}\n'),
    "a kind that is a map": lines(b'{"time": 1, "kind": {"step": 1}}\n', b'{"time": 1, "kind": 7}\n'),
    "devices that are none": lines(SAYS % (b"launched", b', "devices": 7'), SAYS % (b"launched", b', "devices": [[]]')),
    "replies that are none": lines(
        SAYS % (b"probe", b', "step": 1, "replies": "yes"'),
        SAYS % (b"probe", b', "step": 1, "replies": [7, {}, {"question": 7, "reply": []}]'),
    ),
    "a smaller batch of nothing": lines(*(SAYS % (b"smaller_batch", b', "batch_size": %b' % n) for n in (b"0", b'""'))),
    "a failure of other types": lines(SAYS % (b"failed", b', "given": [], "why": {}, "todo": 7')),
    "half of a character": lines(SAYS % (b"failed", rb', "given": "\ud800", "why": "\udfff", "todo": ""')),
    "nested too deep": lines(b"[" * 100_000 + b"\n", SAYS % (b"step", b', "step": ' + b"[" * 100_000)),
    "nested": lines(SAYS % (b"step", b', "step": 7, "loss": {"a": [[{"b": []}]]}')),
    "binary": lines(bytes(range(256)) * 40 + b"\n"),
    "lines that are no objects": lines(b'[]\n7\n"step"\nnull\ntrue\n\n \n'),
    "a line of 50 MB": lines(SAYS % (b"preparing", b', "what": "' + b"x" * 50_000_000 + b'"')),
    "a truncated line": lines(b'{"time": 1, "kind": "st\n'),
    "a truncated last line": lambda run: run.events_path.write_bytes(run.events_path.read_bytes()[:-20]),
    "no events": lambda run: run.events_path.unlink(),
    "a kind of tomorrow": lines(SAYS % (b"celebrated", b', "with": {"cake": [1]}')),
    "a folder for place": folder("place"),
    "a folder for lock": folder("lock"),
    "a folder for stop": folder("stop"),
    "a folder for the log": folder("train.log"),
    "a receipt of garbage": file("receipt.json", b"\xff\xfe{"),
    "no adapter": lambda run: shutil.rmtree(run.adapter),
    "an empty adapter": lambda run: (run.adapter / "adapter_model.safetensors").unlink(),
    "an adapter that is a file": file("adapter", b"x"),
    "checkpoints that are a file": file("checkpoints", b"x"),
    "a checkpoint that is a file": file("checkpoints/checkpoint-3", b"x"),
    "checkpoints of odd names": lambda run: (
        [
            (run.checkpoints / f"checkpoint-{name}").mkdir(parents=True)
            for name in ("", "x", "٣", "-1", "1e9", "9" * 200, "3\n", "²")
        ]
    ),
    "another id": config(id="20000101-000000-other-ffff"),
    "a dataset of odd name": config(dataset="../../etc", version="\x00"),
    "created in the first year": config(created="0001-01-01T00:00:00+00:00"),
    "created in the last year": config(created="9999-12-31T23:59:59+00:00"),
}
# A run that cannot be read.
NAMED: dict[str, Damage] = {
    "events that are a folder": folder("events.jsonl"),
    "events that lead to themselves": lambda run: (
        (run.events_path.unlink(), run.events_path.symlink_to("events.jsonl"))
    ),
    "no config": lambda run: (run.path / "config.json").unlink(),
    "a config that is a folder": folder("config.json"),
    "a config of garbage": file("config.json", b"\xff\xfe\x00"),
    "a config cut short": file("config.json", b'{"id": "x'),
    "a config that is a list": file("config.json", b"[]"),
    "a config nested too deep": file("config.json", b"[" * 100_000),
    "a config of other types": config(dataset=7, version=[], train="all"),
    "settings out of bounds": config(train={"lora_rank": 10**30}),
    "settings of tomorrow": config(train={"quantum": True}),
    "a field of tomorrow": config(tomorrow=1),
    "created at no time": config(created="yesterday"),
    "an empty folder": lambda run: (shutil.rmtree(run.path), run.path.mkdir()),
}
