"""The files that stand beside the chats in what a chat site hands out, and hold no chats themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_CHATS = re.compile(r"conversations(-\d{1,6})?\.json")
_BESIDE = {
    # ChatGPT
    "chat.html": "the chats once more, as a page to read",
    "user.json": "the account",
    "user_settings.json": "settings",
    "message_feedback.json": "which replies were liked",
    "model_comparisons.json": "replies that were compared",
    "shared_conversations.json": "which chats were shared",
    "group_chats.json": "group chats, which are not read",
    "shopping.json": "purchases",
    "sora.json": "videos",
    "export_manifest.json": "a list of files",
    "conversation_asset_file_names.json": "a list of files",
    "library_files.json": "a list of files",
    # Claude
    "users.json": "the account",
    "projects.json": "projects, with their instructions and documents",
    "memories.json": "what was remembered of the person",
}


def folders(names: Iterable[str]) -> frozenset[PurePosixPath]:
    """The folders of an archive with these files that hold the chats of an export."""
    paths = map(PurePosixPath, names)
    return frozenset(path.parent for path in paths if _CHATS.fullmatch(path.name))


def beside_chats(name: str, exports: frozenset[PurePosixPath]) -> str:
    """What a file holds that stands beside the chats in one of these folders; "" where it may hold chats."""
    path = PurePosixPath(name)
    return _BESIDE.get(path.name, "") if path.parent in exports else ""


def is_inside(name: str, exports: frozenset[PurePosixPath]) -> bool:
    """Whether the file lies in one of these folders, or in a folder of theirs."""
    return not exports.isdisjoint(PurePosixPath(name).parents)
