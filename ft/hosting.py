"""Whether this process serves strangers. Read from the environment, so that every process it starts is told the same.

A hosted page lends its visitors nothing that belongs to whoever runs it: no access token, no folder of its disk.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence

from ft import home

HOSTED = "SIDETUNE_HOSTED"
MODELS = "SIDETUNE_MODELS"
LOST_AT_RESTART = "SIDETUNE_LOST_AT_RESTART"


def hosted() -> bool:
    """Whether the page is served for others than whoever sits at this machine."""
    return os.environ.get(HOSTED) == "1"


def offered_models() -> tuple[str, ...]:
    """The base models that the host offers by name beside the default model: folders, or ids of the Hub."""
    return tuple(filter(None, os.environ.get(MODELS, "").split(os.pathsep)))


def hub_token(given: str = "") -> str | bool | None:
    """The Hub token to use: the one given; else that of the machine (None), or none at all (False) where hosted."""
    return (given or "").strip() or (False if hosted() else None)


def hub_cache() -> str | None:
    """Where to keep what is fetched of models: in the Hub library's own cache (None), or, where hosted, in one that was
    never filled with the machine's token."""
    return str(home.models_dir() / "hub") if hosted() else None


def environment() -> dict[str, str]:
    """What the environment of a process has to hold where hosted, for what libraries ask the Hub by themselves."""
    cache = hub_cache()
    return {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "HF_HUB_CACHE": cache} if cache else {}


def become_hosted(models: Sequence[str] = ()) -> None:
    """Serve strangers from now on, in this process and in those that it starts. To be called before anything imports
    huggingface_hub, which reads its settings once.

    Models of the Hub are fetched without a token, those that the host offers too: a gated one is offered as a folder.
    """
    os.environ[HOSTED] = "1"
    os.environ[MODELS] = os.pathsep.join(models)
    os.environ.update(environment())


def is_loopback(host: str) -> bool:
    """Whether whoever listens on `host` (an address or a name) can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        pass
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found)


def on_space() -> bool:
    """Whether this is a Hugging Face Space, whose page shows the app in a frame."""
    return bool(os.environ.get("SPACE_ID") or os.environ.get("SPACE_HOST"))


def space_names() -> tuple[str, ...]:
    """The names under which Hugging Face serves this Space; none elsewhere."""
    return tuple(filter(None, (name.strip() for name in os.environ.get("SPACE_HOST", "").split(","))))


def lost_at_restart() -> bool:
    """Whether all that is kept goes with the container, as the script that started it found out."""
    return os.environ.get(LOST_AT_RESTART) == "1"
