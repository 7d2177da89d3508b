"""Words that more than one part of the page uses."""

from __future__ import annotations

NAME = "Sidetune"
TAGLINE = "Turn your chats into a fine-tuned model, and talk to it side by side with the one it came from."

TAB_LABELS = {"data": "1 Data", "train": "2 Train", "chat": "3 Chat", "runs": "Runs"}

FORMAT_TITLES = {
    "auto": "Find out by itself",
    "sharegpt": "ShareGPT",
    "alpaca": "Alpaca",
    "messages": "OpenAI messages",
    "pairs": "Prompt and reply",
    "chatgpt": "Export of ChatGPT",
    "oasst": "OASST tree",
    "columns": "By its columns",
    "combined": "Combined",
    "parquet": "Parquet",
    "mixed": "several formats",
}


def format_title(format: str) -> str:
    """The name of a format for a person."""
    return FORMAT_TITLES.get(format, format or "none found")


def counted(number: int, one: str, many: str | None = None) -> str:
    """ "1 file", "1,200 files": a number with its noun (`many` where the plural is not `one` with an s)."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
