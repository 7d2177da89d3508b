"""The Hub's refusals in words, and what an address of a dataset names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ft.errors import UserError
from ft.hosting import hosted
from ft.models.hub import reachable

_PAGE = re.compile(r"\w+://")
SCHEME = "hf://"


@dataclass(frozen=True, slots=True)
class Address:
    """A dataset on the Hub: `id` as owner/name, its revision ("" is the newest), a file, folder or pattern in it."""

    id: str
    revision: str = ""
    path: str = ""

    def __str__(self) -> str:
        at = f"@{self.revision}" if self.revision else ""
        return f"{SCHEME}datasets/{self.id}{at}" + (f"/{self.path}" if self.path else "")


def parse(given: str) -> Address:
    """What "owner/name", "owner/name@revision/path", the same after "hf://datasets/" or a page of the Hub names.

    Raises:
        UserError: it is none of them, or names a model.
    """
    from huggingface_hub import parse_hf_uri
    from huggingface_hub.errors import HfUriError

    text = given.strip()
    todo = "Write owner/name, or owner/name/file.jsonl for one file of it."
    try:
        found = parse_hf_uri(text if _PAGE.match(text) else f"{SCHEME}datasets/{text.removeprefix('datasets/')}")
    except HfUriError as error:
        raise UserError(given or "no address", "it is no dataset of the Hugging Face Hub.", todo) from error
    if found.type != "dataset":
        raise UserError(given, f"it is a {found.type} of the Hugging Face Hub, not a dataset.", todo)
    return Address(found.id, found.revision or "", found.path_in_repo)


def bring_access(may: str = "") -> str:
    """What to do for access that is missing. `may`: what a token has to permit, as in "read it"."""
    token = f"an access token that may {may}" if may else "an access token"
    own = "" if hosted() else ", or sign in on this machine with `hf auth login`"
    return f"Give {token} (huggingface.co/settings/tokens){own}."


def require_hub() -> None:
    """Raise UserError unless the Hub answers within a few seconds: its library would try for most of a minute."""
    if not reachable():
        raise UserError(
            "the Hugging Face Hub", "it cannot be reached.", "Check the connection, HF_ENDPOINT and HF_HUB_OFFLINE."
        )


@contextmanager
def refusals(given: str, writing: bool = False) -> Iterator[None]:
    """Turn what the Hub's library raises inside of the block into a UserError about `given`.

    `writing` says that something is being uploaded: then a missing permission is one to write.
    """
    import httpx2
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        LocalTokenNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    may = "write to it" if writing else "read it"
    try:
        yield
    except LocalTokenNotFoundError as error:
        raise UserError(given, "nobody is signed in to the Hub on this machine.", bring_access(may)) from error
    except GatedRepoError as error:
        todo = f"Ask for access on its page. {bring_access(may)}"
        raise UserError(given, "its owner gives access on request only.", todo) from error
    except RepositoryNotFoundError as error:
        todo = f"Check the name. If it is private: {bring_access(may)}"
        raise UserError(given, "the Hub has no such dataset, or does not show it to you.", todo) from error
    except RevisionNotFoundError as error:
        raise UserError(given, "it has no such revision.", "Leave @revision out for the newest one.") from error
    except LocalEntryNotFoundError as error:
        raise UserError(given, "the download broke off.", "Try again: it goes on where it was.") from error
    except EntryNotFoundError as error:
        raise UserError(given, "a file of it is gone.", "Try again, or name another file.") from error
    except HFValidationError as error:
        raise UserError(given, "that cannot be the name of a dataset.", "Write it as owner/name.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise UserError(given, f"you may not {may}.", bring_access(may)) from error
        why = f"the Hub refused (HTTP {status}: {(error.server_message or 'no reason given')[:200]})."
        raise UserError(given, why, "Try again later.") from error
    except httpx2.HTTPError as error:
        raise UserError(given, "the connection to the Hub broke.", "Try again.") from error
    except OSError as error:
        why = f"a file cannot be written on this machine: {(error.strerror or str(error)).lower()}."
        raise UserError(given, why, "Make room, or set HF_HOME to a folder that can be written.") from error
