"""Under which names the app answers. A page elsewhere can point a name of its own at this machine (DNS rebinding), and
its requests then look like the app's own: only the name in Host tells them apart.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from ft.hosting import is_loopback

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def split_authority(text: str) -> tuple[str, str] | None:
    """The lowercase name (an IPv6 address without brackets) and the port ("" where none) of "name:port"; None where
    `text` is nothing of the kind."""
    match = _AUTHORITY.fullmatch(text.lower())
    return (match[1].strip("[]"), match[2] or "") if match else None


@dataclass(frozen=True, slots=True)
class OwnNames:
    """`fixed`: the names known beforehand. `declared`: those of them that a person gave, which a proxy may hide behind.
    `any_address`: any IP address is a name too (rebinding needs a name that somebody owns, never a bare address).
    """

    fixed: frozenset[str]
    declared: frozenset[str]
    any_address: bool

    @classmethod
    def of(cls, host: str, declared: Sequence[str] = ()) -> OwnNames:
        """The names of an app that listens on `host`, with those that a person `declared` beside them.

        On loopback: 127.0.0.1, localhost, ::1 and `host`. Elsewhere: any IP address, localhost and this machine's name.
        """
        local = is_loopback(host)
        names = {*_LOOPBACK, host.strip("[]").lower()}
        if not local:
            names.add(socket.gethostname().lower())
        given = frozenset(name.lower().strip("[]") for name in declared)
        return cls(frozenset(names) | given, given, any_address=not local)

    def __contains__(self, name: str) -> bool:
        return name in self.fixed or (self.any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
