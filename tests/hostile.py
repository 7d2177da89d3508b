"""What the app does with a conversation, done with hostile ones: texts that a careless step takes minutes for.

`python hostile.py LENGTH [PIECE...]` does each step with a text of an eighth of so many characters and with one of all
of them, each made of one piece (all of PIECES where none is named). It prints as JSON Lines where the processor time
grew much faster than the text, where a step did not end, and where it raised something else than a refusal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from patterns import GENERIC, ROOT

sys.path.insert(0, str(ROOT))

from formats.conversation import Conversation, Message, Origin, ToolCall
from formats.convert import WRITERS, convert, convert_record
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading
from formats.repair import REPAIRS
from formats.texts import mend_texts
from ft.checks import check, control, private, thoughts
from ft.checks.doctor import examine
from ft.checks.language import Languages
from ft.dataset import browse, build, export, near
from ft.dataset.fingerprint import exact, fingerprint
from ft.dataset.split import position
from ft.errors import UserError
from ft.ui import data_view

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P "
PIECES = (
    *GENERIC,
    *(
        "ada@example.org\n",
        "word ",
        "x y z ",
        "<|im_end|>",
        "[INST]",
        "<|thought|>",
        TOKEN,
        "sk-abcdefghijklmnopqrstuvwx ",
        "{{a}} ",
    ),
    *("4111 1111 1111 1111 ", "+49 30 123456 ", "(212) 555-0123 ", "1/2/", "DE89 3704 0044 0532 0130 00 ", "1,", "[1,"),
    *("[{", "[[", '{"a":', '{"a":[', "[{},", '{"a":1},', '"a",', '""', ",", ";a,", "\r", "a,b\n", "- ", "\\n", "```\n"),
    *("\u0130 ", "\u00df", "\u3000", "https://a.b:c@d ", '{"from":"human","value":""},', "<!--", "<![", "<pre>", "<a "),
)
HERE = Origin("f", 1)
EVERY = Reading(repairs=dict.fromkeys(REPAIRS, True), fill={"a": "b"})
LANGUAGES = Languages()
PARTS = 8  # the longer text is so many of the shorter
GROWTH = 24.0  # at most so many times the shorter text's time: 8 where time grows with the length, 64 with its square
SHORT = 0.25  # seconds of processor time that are too short to say anything of their growth
ENDLESS = 400.0  # seconds of processor time after which a step is not waited for


def chat(text: str) -> Conversation:
    call = ToolCall("f", json.dumps({"a": text}))
    return Conversation((Message("user", text), Message("assistant", f"{text}.", text, (call,))), HERE)


def records(text: str) -> None:
    for record in (
        {"conversations": [{"from": "human", "value": text}, {"from": "gpt", "value": text}]},
        {"conversations": [{"from": "human", "value": text}, {"from": "function_call", "value": text}]},
        {"conversations": [{"from": text, "value": text}, {"from": "gpt", "value": "b"}]},
        {"conversations": text, "tools": text, "system": text},
        {"instruction": text, "input": text, "output": text},
        {text: text, "b": text},
        text,
    ):
        convert_record(record, HERE)


def texts(text: str) -> None:
    for before in ("", '<div class="markdown prose">', "```"):
        mend_texts(Conversation((Message("user", "a"), Message("assistant", before + text)), HERE), EVERY, Notes())


def files(text: str) -> None:
    path = Path(os.environ["SIDETUNE_HOME"]) / "f.csv"
    for before, after in (
        ("", ""),
        ("[", ""),
        ('{"prompt":"', ""),
        ("prompt,completion\na,b\n", ""),
        ("a,", "\xff\n1,2"),
    ):
        path.write_bytes((before + text + after).encode("latin-1", "replace"))
        for item in convert(path):
            assert isinstance(item, (Conversation, RowProblem))


def dataset(text: str) -> None:
    """Upload, save, check, look for, export."""
    path = Path(os.environ["SIDETUNE_HOME"]) / "f.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": f"{n}", "completion": f"{text}!"}) for n in range(2)))
    version = build.save(build.stage([build.SourceFile(path, "f")]), "hostile")
    check.check(version)
    browse.find(version.conversations_path, browse.Filter(text=text[:1000]))
    for format in export.FORMATS:
        export.export(version, path.with_name("out"), format)


STEPS: dict[str, Callable[[str], object]] = {
    "records": records,
    "texts": texts,
    "files": files,
    "examine": lambda text: examine([chat(text)], None, LANGUAGES),
    "redact": lambda text: private.redacted(chat(text)),
    "mask": private.mask,
    "strip": lambda text: control.cleaned(chat(text)),
    "reason": lambda text: thoughts.reasoned(chat(text)),
    "fingerprint": lambda text: (fingerprint(chat(text)), exact(chat(text)), position(chat(text))),
    "near": lambda text: near.groups([chat(text), chat(f"{text} {text[:100]}")]),
    "draw": lambda text: data_view.bubbles([chat(text)] * 10, 1),
    "write": lambda text: [_written(write, chat(text)) for write in WRITERS.values()],
    "dataset": dataset,
}


def _written(write: Callable[[Conversation], object], conversation: Conversation) -> object:
    try:
        return write(conversation)
    except ValueError:  # the format has no place for calls
        return None


class _Endless(Exception):
    pass


def _ring(number: int, frame: object) -> None:
    raise _Endless


def _seconds(step: Callable[[str], object], text: str) -> float:
    """The processor time of one step."""
    signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS)
    begun = time.process_time()
    try:
        step(text)
    except UserError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.process_time() - begun


def main(length: int, pieces: tuple[str, ...]) -> None:
    signal.signal(signal.SIGVTALRM, _ring)
    for name, step in STEPS.items():
        for piece in pieces[:: 8 if step is dataset and len(pieces) > 20 else 1]:
            try:
                part, whole = (_seconds(step, piece * (size // len(piece))) for size in (length // PARTS, length))
                wrong = f"{part:.3f} s, then {whole:.3f} s" if whole > max(SHORT, GROWTH * part) else ""
            except Exception as error:
                wrong = repr(error)[:200]
            if wrong:
                print(json.dumps({"step": name, "piece": piece, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["SIDETUNE_HOME"] = home
        main(int(sys.argv[1]), tuple(sys.argv[2:]) or PIECES)
