"""Print docs/data.md from the code's own tables: python docs/make_data_page.py > docs/data.md"""

from __future__ import annotations

from collections.abc import Iterable

from formats import archives, budget, json_limits, pairs, speakers, tables, thoughts, turns, values
from formats.containers import CONTAINERS
from formats.convert import FORMATS
from formats.problems import PROBLEMS
from formats.repair import REPAIRS
from ft.checks.doctor import FINDINGS

TEXT = """# Data: what Sidetune reads, mends and refuses

Bring files of chats to the Data tab, or to `sidetune convert FILE... --name NAME`. You see what was understood before
anything is saved. Nothing is dropped silently: what was read is what was kept and what was rejected, and each rejected
record has its place, a reason and what to do about it. (This page is printed from the code by
`python docs/make_data_page.py`.)

## Formats

The format is recognised record by record, by its keys.

{formats}

Lists of turns are found under {lists}; who speaks under {roles}; what is said under {texts}. A bare list of turns is a
chat too. Prompts are found under {prompts}; replies under {replies}. For other columns the app asks which is what, with
a guess and a preview (`--map prompt=Question --map reply=Answer` on the command line).

A table or list with one message in each row is put together by the id of the conversation (`conversation_id`, `chatId`,
`thread_id`, ... or an `id` that stays the same from row to row), in the order of the messages' time or number where
they have one. For other names: `--map conversation=Case --map order=Time --map role=Who --map text=Message`. So are
rows with a prompt and its reply each, where some share a `conversation_id` (`chat_id`, `session_id`, ...; or `--map
conversation=` beside `prompt=` and `reply=`). Those of which it is not certain that they follow one another (a prompt
that stands twice, or tells the reply before it again; times that cannot be read) stay chats of their own, as all do
where the repair `rows_grouped` is off. Messages that name their parents (`parent_id`, `parentMessageId`,
`previous_id`, `in_reply_to`, ...) are a tree: the branch that was shown last is read (or that of the best rank), and
the others are counted. Where the numbers of turns say that one is missing between two of the same role, the chat ends
there.

{spellings}

What people's files were written for holds here: the prompt of Alpaca is the instruction, a line break and the input;
history comes first and is trained on; a first system turn wins over a system column; `weight`, `train`, `loss` and
`loss_weight` of 0 or 1 say which replies are learnt; tools and the arguments of calls stay JSON. Ranking and KTO data,
pictures, sound, video and plain text for pretraining are recognised and refused by name.

A text may stand in parts: one goes on where the part before ends, or it begins, with white space, and else stands on a
line of its own.

What was thought before a reply is its reasoning, and never part of its text: under {thoughts}
beside the text of a turn, or in such a column beside the reply; in parts of a text and in turns that are marked (by
the type `thinking`, `reasoning` or `think`, by `isThought` or `thought`, by the channel `analysis`, or by the role
`thinking` or `reasoning`).

Who speaks by name (under `name`, or beside the role under `speaker`, `author`, `sender`, `username`, `user`,
`display_name`, ...) is kept, and turns of different names are never joined. Chat templates have no place for these
names: switch `names_in_text` on to learn them.

## Containers

{containers}

Files are read as streams. Limits: an archive may unpack to {unpacked:.0f} GB and to {ratio} times its size, and hold
{files:,} files; a cell of a table may hold {cell:,} characters, and one record of JSON {value:,}.

A dataset of the Hugging Face Hub is fetched and read alike: `sidetune convert hf://datasets/owner/name --name NAME`,
or "From the Hugging Face Hub" on the Data tab. Its card says which files are to train on; where it does not, files that
are called test, validation and the like are not taken, and named. One file, a folder or a pattern can be asked for:
`hf://datasets/owner/name/data/train-*.parquet`.

## Repairs

Each is counted, shown with examples, and a switch: in the app under "How to read them", on the command line with
`--repair CODE` and `--no-repair CODE`. A record that needs a repair which is off is rejected; repairs of texts then
leave the text as it is.

{repairs}

## Problems

Why a record or a file was rejected. `rejected.jsonl` holds each with the record itself under `raw`. Mend it there (or
in the app under "What was read") and read it again: `sidetune convert rejected.jsonl --name NAME --mended`.

{problems}

## The check-up

What the Check-up panel and `sidetune check NAME` look for in a dataset, and what they can do about it (`--fix CODE`).

{findings}
"""


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(titles)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def page() -> str:
    """The whole page."""
    words_of = {"delete": "delete", "reason": "make them the reasoning", "redact": "redact", "strip": "take out"}
    words_of["untrain"] = "keep as context, not learnt"
    return TEXT.format(
        formats=table(["format", "what a record holds"], ([f"`{name}`", what] for name, what in FORMATS.items())),
        lists=words(turns.LISTS),
        roles=words(speakers.ROLE_KEYS),
        texts=words(turns.TEXT_KEYS),
        prompts=words(pairs.PROMPTS),
        thoughts=words(thoughts.COLUMNS),
        replies=words(pairs.REPLIES),
        spellings=table(
            ["role", "also written"], ([f"`{role}`", words(names)] for role, names in values.SPELLINGS.items())
        ),
        containers=table(["container", "what is read"], CONTAINERS.items()),
        unpacked=budget.UNPACKED / 2**30,
        ratio=budget.RATIO,
        files=archives.FILES,
        cell=tables.CELL,
        value=json_limits.LONGEST,
        repairs=table(
            ["repair", "what is done", "unless said otherwise"],
            ([f"`{code}`", kind.words, "on" if kind.on else "off"] for code, kind in REPAIRS.items()),
        ),
        problems=table(["code", "what is wrong"], ([f"`{code}`", what] for code, what in PROBLEMS.items())),
        findings=table(
            ["code", "finding", "what it means", "fix"],
            (
                [f"`{code}`", title, advice.format(n="n"), ", or ".join(words_of[fix] for fix in fixes) or "-"]
                for code, (title, advice, fixes) in FINDINGS.items()
            ),
        ),
    )


if __name__ == "__main__":
    print(page(), end="")
