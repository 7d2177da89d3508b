"""Who speaks in a turn, by name: so that nobody's words stand under another's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from formats import thoughts, values
from formats.conversation import Role
from formats.keys import spellings

# The keys that say who speaks, by role or by name, in the order in which they are tried.
ROLE_KEYS = ("from", "role", "speaker", "author", "sender")
# Those that say it by name alone.
NAME_KEYS = spellings(
    *("display name", "user name", "author name", "sender name", "speaker name", "from name", "nick name"),
    *("nick", "user", "participant"),
)
_KEYS = (*ROLE_KEYS, *NAME_KEYS)
_ANY_KEY = frozenset(_KEYS)
_NO_NAMES = values.CALL_ROLES | thoughts.KINDS | values.ROLE_OF.keys()


def name_in(turn: Mapping[str, Any], role_key: str) -> str | None:
    """Who speaks in a turn, by name: under name, or under or beside the key of its role."""
    held = turn.get("name")
    if isinstance(held, str) and held:
        return held
    others = _ANY_KEY.intersection(turn)
    if not others or (len(others) == 1 and role_key in others and isinstance(turn[role_key], str)):
        return None
    for key in _KEYS:
        held = turn.get(key)
        held = name_of(held) if isinstance(held, dict) else held if key != role_key else None
        if isinstance(held, str) and held.strip() and held.strip().lower() not in _NO_NAMES:
            return held.strip()
    return None


def name_of(speaker: dict[str, Any]) -> object:
    """The name in an object that tells who speaks."""
    return next((held for key in ("name", *NAME_KEYS) if isinstance(held := speaker.get(key), str) and held), None)


def name_of_turn(turn: Mapping[str, Any], role_key: str, role: Role, roles: Mapping[str, Role] | None) -> str | None:
    """The name of a tool, or of who speaks: also where several names were said to be of one role by `roles`."""
    held = turn.get("name")
    if role == "tool" or (isinstance(held, str) and held):
        return held if isinstance(held, str) and held else None
    said = turn[role_key]
    named = bool(roles) and isinstance(said, str) and said.strip().lower() not in _NO_NAMES
    if named and roles and sum(each == role for each in roles.values()) > 1:
        return str(said).strip()
    return name_in(turn, role_key)


def is_read_as_name(key: str, value: object, name: str | None) -> bool:
    """Whether that key of a turn, whose speaker has that name, was read as the name."""
    return key in _ANY_KEY and isinstance(value, str) and value.strip() == name


def unread_of_speaker(speaker: dict[str, Any], name: str | None) -> list[str]:
    """The keys of an object that tells who speaks which were read neither as a role nor as that name."""
    return [key for key, value in speaker.items() if key not in ("role", "name") and not (name and value == name)]


def said_by(said: object) -> str:
    """The role or the name that a turn says, "" where it says none; at most 60 characters."""
    if isinstance(said, dict):
        said = name_of(said)
    return str(said).strip()[:60] if isinstance(said, str) or type(said) is int else ""


def unknown_role(said: object, key: str) -> values.Unusable:
    """What is wrong with a turn whose role, under `key`, is none that is known: a name, mostly."""
    fix = "Use user, assistant, system or tool, or one of the other spellings of these."
    if name := said_by(said):
        return values.Unusable(key, "unknown_role", f"the role {name!r} is not known.", fix)
    problem = f"its {key} is {values.kind(said)}" + (" without a role or a name." if isinstance(said, dict) else ".")
    return values.Unusable(key, "unknown_role", problem, fix)
