"""What a person should know of a dataset before training on it, whatever the model, in sentences."""

from __future__ import annotations

import pyarrow.compute as pc

from ft.dataset import parquet
from ft.dataset.replies import count_replies
from ft.dataset.versions import Version
from ft.figures import count

NONE_HELD_OUT = (
    "Nothing is held out, so a run cannot say whether the model got better on conversations that it has not seen."
)


def remarks(version: Version) -> list[str]:
    """That nothing is held out, or not learned, and what many chat templates have no place for: reasoning and tools.

    Raises:
        UserError: the dataset's file is damaged.
    """
    found = [] if version.report["splits"]["validation"] else [NONE_HELD_OUT]
    tools = pc.sum(parquet.index(version.conversations_path)["has_tools"]).as_py() or 0
    which = f"`sidetune inspect {version.name} --model MODEL` says what a model makes of it."
    replies = count_replies(version.conversations_path)
    if replies.unlearned:
        found.append(
            f"In {count(replies.unlearned, 'conversation')} every reply is marked as not to be trained on, so training "
            f"leaves {'it' if replies.unlearned == 1 else 'them'} out."
        )
    if replies.reasoned:
        found.append(
            f"{count(replies.reasoned, 'conversation')} with reasoning (what a reply thought first). A model whose "
            f"chat template has no place for it, as that of the default, learns the replies alone: {which}"
        )
    if tools:
        found.append(
            f"{count(tools, 'conversation')} with tools. A model whose chat template has no place for them, as that "
            f"of the default, reads and writes them as text: {which}"
        )
    return found
