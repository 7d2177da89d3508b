"""conversations.parquet: written in batches and read back in pages, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from formats.conversation import Conversation
from ft import hosting
from ft.dataset.documents import REPAIR
from ft.dataset.split import Side
from ft.dataset.table import CHAT, INDEX, SCHEMA, Facts, conversations, facts, table
from ft.errors import UserError
from ft.files import regular

_MAGIC = b"PAR1"  # a whole file begins and ends with it
FILE_NAME = "conversations.parquet"
ROWS_A_GROUP = 1000
CHARACTERS_A_GROUP = 4_000_000  # long conversations are written in smaller groups


def require_file(path: Path) -> None:
    """Raise UserError where there is no whole Parquet file at `path`, as far as its two ends tell."""
    try:
        with open(path, "rb", opener=regular) as file:
            begins = file.read(4)
            file.seek(-8, 2)  # the length of the footer stands before it
            whole = begins == _MAGIC == file.read()[4:] and file.tell() > 12
    except OSError as error:
        raise damaged(path, error) from error
    if not whole:
        raise damaged(path, "it is no whole Parquet file")


def damaged(path: Path, why: object) -> UserError:
    """That the file of conversations at `path` is damaged."""
    if hosting.hosted():  # where the host keeps what is nobody's business
        return UserError(f"the dataset {path.parent.parent.name}", "its file of conversations cannot be read.", REPAIR)
    return UserError(str(path), f"it cannot be read ({str(why)[:200]}).", REPAIR)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What reading a file raises that is broken, or not ours, is a UserError."""
    try:
        yield
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from error


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """The file, and what reading it raises within the block as a UserError.

    Raises:
        UserError: the file is damaged.
    """
    require_file(path)
    with _readable(path), pq.ParquetFile(path) as file:
        _require_kinds(file.schema_arrow)
        yield file


def _require_kinds(found: pa.Schema) -> None:
    """Raise TypeError where a column holds something of another kind than ours do; lists of nothing are no other
    kind."""
    for column in found:
        wanted = SCHEMA.field(column.name).type if column.name in SCHEMA.names else column.type
        other = column.type.id != wanted.id
        if not other and pa.types.is_list(wanted):
            kind = column.type.value_type
            other = kind.id != wanted.value_type.id and not pa.types.is_null(kind)
        if other:
            raise TypeError(f"its column {column.name!r} holds {column.type}")


class ConversationWriter:
    """Writes conversations to a new file at `path`, one by one or as whole tables with the columns of SCHEMA.

    A context manager: the file is whole once it is left.

    Raises:
        OSError: the disk is full or the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._sink = path.open("wb")
        self._writer = pq.ParquetWriter(self._sink, SCHEMA, compression="zstd")
        self._rows: list[tuple[Conversation, Side, Facts]] = []
        self._tables: list[pa.Table] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sidetune-write")  # Arrow lets others run meanwhile
        self._writing: Future[None] | None = None
        self._characters = 0

    def add(self, conversation: Conversation, side: Side, known: Facts | None = None) -> None:
        """Write one conversation; `known` are its facts where they were worked out already."""
        known = known or facts(conversation)
        self._rows.append((conversation, side, known))
        self._characters += known.characters
        if len(self._rows) >= ROWS_A_GROUP or self._characters >= CHARACTERS_A_GROUP:
            self._flush()

    def add_table(self, rows: pa.Table) -> None:
        """Write a table as a row group of its own."""
        self._flush()
        if rows.num_rows:
            self._write(rows)

    def add_rows(self, rows: pa.Table) -> None:
        """Write conversations as a table: as `add` would write them one by one."""
        self._tables.append(rows)
        self._characters += pc.sum(rows["characters"]).as_py()
        if self._characters >= CHARACTERS_A_GROUP:
            self._flush()
        while sum(map(len, self._tables)) >= ROWS_A_GROUP:
            whole = pa.concat_tables(self._tables)
            self._write(whole.slice(0, ROWS_A_GROUP))
            self._tables = [whole.slice(ROWS_A_GROUP)]
            self._characters = pc.sum(self._tables[0]["characters"]).as_py() or 0

    def _flush(self) -> None:
        if self._rows:
            self._tables.append(table(self._rows))
        if any(map(len, self._tables)):
            self._write(pa.concat_tables(self._tables))
        self._rows, self._tables, self._characters = [], [], 0

    def _write(self, rows: pa.Table) -> None:
        """Write while the caller goes on, one table at a time; what went wrong is raised at the next one."""
        self._wait()
        self._writing = self._thread.submit(self._writer.write_table, rows)

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def __enter__(self) -> ConversationWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._sink, self._thread:
            if kind is None:
                self._flush()
                self._wait()
                self._writer.close()
            else:  # the file is lost already, and a full disk would only fail once more
                with suppress(OSError, pa.ArrowException):
                    self._wait()
                    self._writer.close()


def read(path: Path, split: str | None = None, start: int = 0, limit: int | None = None) -> Iterator[Conversation]:
    """The conversations of `split` (None: of both sides), in the file's order, from the `start`-th (0: the first).

    At most `limit` of them. Row groups before `start` are passed over without being decoded.

    Raises:
        UserError: the file is damaged.
    """
    with opened(path) as file:
        left = limit
        for group in range(file.num_row_groups):
            if left is not None and left <= 0:
                return
            mask = None
            rows = file.metadata.row_group(group).num_rows
            if split is not None:
                mask = pc.equal(file.read_row_group(group, columns=["split"])["split"], split)
                rows = pc.sum(mask).as_py() or 0
            if start >= rows:
                start -= rows
                continue
            found = file.read_row_group(group, columns=CHAT.names)
            found = (found if mask is None else found.filter(mask)).slice(start, left)
            start = 0
            left = None if left is None else left - found.num_rows
            yield from conversations(found)


def take(path: Path, rows: Sequence[int]) -> list[Conversation]:
    """The conversations in those rows (0: the first of the file), in the order asked for.

    Raises:
        IndexError: there is no such row.
        UserError: the file is damaged.
    """
    wanted = sorted(set(rows))
    found: dict[int, Conversation] = {}
    with opened(path) as file:
        if wanted and not 0 <= wanted[0] <= wanted[-1] < file.metadata.num_rows:
            raise IndexError(f"row {wanted[-1]} of {file.metadata.num_rows}")
        first = 0
        for group in range(file.num_row_groups):
            behind = first + file.metadata.row_group(group).num_rows
            here = [row for row in wanted if first <= row < behind]
            if here:
                part = file.read_row_group(group, columns=CHAT.names).take([row - first for row in here])
                found.update(zip(here, conversations(part), strict=True))
            first = behind
    return [found[row] for row in rows]


def longest(path: Path, many: int) -> list[Conversation]:
    """The `many` conversations with the most text, of both sides, the longest first."""
    characters = index(path)["characters"]
    return take(path, pc.select_k_unstable(characters, min(many, len(characters)), [("", "descending")]).to_pylist())


def tables(path: Path) -> Iterator[pa.Table]:
    """The file as it lies there, one row group after another, with the columns of SCHEMA.

    Raises:
        UserError: the file is damaged.
    """
    with opened(path) as file:
        whole = file.schema_arrow.equals(SCHEMA)
        for group in range(file.num_row_groups):
            part = file.read_row_group(group)
            yield part if whole else _completed(part)


def index(path: Path) -> pa.Table:
    """The columns of INDEX, and origin and repairs, of all rows: a few dozen bytes a conversation.

    Raises:
        UserError: the file is damaged.
    """
    columns = [*INDEX.names, "origin", "repairs"]
    require_file(path)
    with _readable(path):
        _require_kinds(pq.read_schema(path))
        if set(columns) <= set(pq.read_schema(path).names):
            return pq.read_table(path, columns=columns, partitioning=None)
    return pa.concat_tables([part.select(columns) for part in tables(path)])


def _completed(part: pa.Table) -> pa.Table:
    """A part of a version that was saved before there were all columns of SCHEMA, with all of them."""
    sides = part["split"].to_pylist()
    return table([(each, side, facts(each)) for each, side in zip(conversations(part), sides, strict=True)])


def groups(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    """Those columns of the file, one row group after another.

    Raises:
        UserError: the file is damaged.
    """
    with opened(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=columns)


def side_counts(path: Path) -> dict[str, int]:
    """How many conversations of the file are on each side: {"train": n, "validation": n}.

    Raises:
        UserError: the file is damaged.
    """
    with opened(path) as file:
        sides = pc.value_counts(file.read(columns=["split"])["split"]).to_pylist()
    counts = {each["values"]: each["counts"] for each in sides}
    return {"train": counts.get("train", 0), "validation": counts.get("validation", 0)}


def resplit(path: Path, held_out: Callable[[pa.Table], pa.ChunkedArray]) -> None:
    """Write the file anew: `held_out` tells which rows (bool) of a table with the columns of INDEX are held out.

    The old file stays until the new one is whole.
    """
    new = path.with_name(path.name + ".new")
    place = SCHEMA.get_field_index("split")
    try:
        with ConversationWriter(new) as writer:
            for part in tables(path):
                sides = pc.if_else(held_out(part), "validation", "train")
                writer.add_table(part.set_column(place, SCHEMA.field(place), sides))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
