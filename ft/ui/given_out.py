"""Files that a page or a script may take: copies in Gradio's own cache, as only those are given out."""

from __future__ import annotations

from pathlib import Path

from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from ft import cache
from ft.errors import UserError
from ft.figures import memory


def given_out(path: Path) -> str:
    """The path of a copy of that file which may be taken.

    Raises:
        UserError: temporary files have no room for it.
        OSError: the disk has none, or cannot be written.
    """
    require_room(path.stat().st_size, path.name)
    return save_file_to_cache(path, get_upload_folder())


def require_room(needed: int, what: str, todo: str = "") -> None:
    """Make room for so many bytes among the temporary files.

    Raises:
        UserError: there is none; `what` was to be written, `todo` is another way.
        OSError: there can be no temporary files.
    """
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    room = cache.make_room(folder, needed)
    if room < needed:
        why = f"it takes {memory(needed)}, and temporary files have {memory(room)} left ({cache.LIMIT})."
        raise UserError(what, why, todo or "Try again in an hour, or ask whoever runs this app.")
