"""How the keys of people's files are spelled."""

from __future__ import annotations


def plain_name(key: object) -> str:
    """The name of a key without case, spaces and marks: "Created at", "created_at" and "createdAt" are one."""
    return str(key).lower().replace("_", "").replace(" ", "").replace("-", "").strip()


def spellings(*names: str) -> tuple[str, ...]:
    """Each name as keys are written: "parent id", "parent_id", "parentid" and "parentId"."""
    spelled = []
    for name in names:
        first, *rest = name.split()
        spelled += [name, name.replace(" ", "_"), name.replace(" ", ""), first + "".join(map(str.title, rest))]
    return tuple(dict.fromkeys(spelled))
