"""A list of messages that is a tree: each names its parent, and every edit and every new answer begins a branch.

What a person saw last is one branch, from the root to a leaf. Where answers are ranked, the best ones are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from formats.flags import has_failed
from formats.keys import spellings
from formats.order import number, places
from formats.values import Unusable, id_text, missing

_PARENTS = spellings(
    *("parent message id", "parent message uuid", "parent id", "parent uuid", "parent", "parent message"),
    *("parent node id", "parent node", "parent turn id", "previous message id", "previous message uuid"),
    *("previous message", "previous turn id", "previous id", "previous uuid", "previous"),
    *("prev message id", "prev id", "prev"),
)
# What a message answers. In chats of many it is a quotation, which few messages have.
_ANSWERED = spellings("in reply to", "in reply to id", "in reply to message id")
_IDS = spellings("message id", "message uuid", "uuid", "id", "msg id", "node id", "turn id")
_CURRENT = spellings("current node", "current leaf message uuid", "current message id", "current id")
_NESTED = ("children", "replies")
_LINKS = frozenset((*_PARENTS, *_ANSWERED, *_NESTED))
_FIX = "Export the chat again, or leave only the messages of one branch in it."

Turn = dict[str, Any]


def is_tree(turns: Sequence[object]) -> bool:
    """Whether the turns may be a tree: one of them names its parent, or holds those that follow it."""
    # A list is the quickest way, and all turns of all files come here.
    return bool([turn for turn in turns if type(turn) is dict and len(turn) > 2 and not _LINKS.isdisjoint(turn)])


def links_of(turns: Sequence[object]) -> frozenset[str]:
    """The keys that tell which of these turns follow which; none where they are no tree."""
    nodes = [turn for turn in turns if isinstance(turn, dict)]
    if not is_tree(nodes):
        return frozenset()
    key = _id_key(nodes, _parents(nodes))
    return _LINKS | {"rank"} if key or len(_nested(nodes)[0]) > len(nodes) else frozenset()


def two_replies() -> Unusable:
    """What is wrong with two replies in a row that are versions of one, as their numbers tell."""
    problem = "two replies in a row are to the same turn, as their numbers say, and nothing tells which was shown last."
    return Unusable(None, "bad_tree", problem, "Leave only the reply in it that is meant.")


_MODELS = ("model", "modelName", "model_name", "modelId", "model_id", "model_slug")


def require_one_model(one: object, other: object) -> None:
    """Raise Unusable where two replies in a row are of two models, as their turns say."""
    found = [
        next((turn[key] for key in _MODELS if turn.get(key)), "") for turn in (one, other) if isinstance(turn, dict)
    ]
    names = [name[:60] for name in found if isinstance(name, str) and name]
    if len(set(names)) > 1:
        problem = f"two replies in a row are of two models ({' and '.join(names)}): joined they would be nobody's."
        raise Unusable(None, "bad_tree", problem, "Leave only the reply in it that is meant.")


def shown_branch(turns: Sequence[object], record: object, repairs: list[str]) -> Sequence[object]:
    """The turns of the branch that was shown last, where `turns` are a tree; else `turns`.

    It ends with the message that `record` says is current, else with the latest one. Ranked siblings are an exception:
    of these the best is taken. That others are left out, or the order is another one, is added to `repairs`.

    Raises:
        Unusable: which turns make up that branch is not certain.
    """
    if not all(isinstance(turn, dict) for turn in turns):
        return turns  # reading them will tell
    nodes, parents = _nested([turn for turn in turns if isinstance(turn, dict)])
    named = _parents(nodes)
    key = _id_key(nodes, named)
    if key:
        parents = _named_parents(nodes, parents, named, key)
    elif len(nodes) == len(turns):
        return turns
    if parents == [None, *range(len(nodes) - 1)]:
        return nodes
    before = 0  # a system message, say, that stands in front of the tree and has no part in it
    is_linked = [bool(id_text(node.get(key)) or parent) for node, parent in zip(nodes, named, strict=True)]
    while key and before < len(nodes) and not is_linked[before]:
        before += 1
    if key and any(not is_linked[n] and parents[n] is None for n in range(before, len(nodes))):
        raise Unusable(None, "bad_tree", "one of its messages names neither itself nor its parent.", _FIX)
    parents = [n if n is None else n - before for n in parents[before:]]
    branch = _branch(nodes[before:], parents, named[before:], key, record)
    if len(branch) < len(nodes) - before:
        repairs.append("other_branches")
    if branch != sorted(branch):
        repairs.append("turns_sorted")
    return [*nodes[:before], *(nodes[before + n] for n in branch)]


def _nested(turns: list[Turn]) -> tuple[list[Turn], list[int | None]]:
    """All turns, those inside others too, and the place of each one's parent, where it stands inside that."""
    nodes: list[Turn] = []
    parents: list[int | None] = []
    waiting: list[tuple[Turn, int | None]] = [(turn, None) for turn in reversed(turns)]
    while waiting:
        turn, parent = waiting.pop()
        inside = next((held for key in _NESTED if (held := _turns(turn.get(key)))), [])
        waiting += [(each, len(nodes)) for each in reversed(inside)]
        nodes.append(turn)
        parents.append(parent)
    return nodes, parents


def _turns(value: object) -> list[Turn]:
    held = value if isinstance(value, list) else []
    return held if all(isinstance(turn, dict) for turn in held) else []


def _parents(nodes: list[Turn]) -> list[str]:
    """The id of the parent that each turn names; "" where it names none."""
    named = [_first_id(node, _PARENTS) for node in nodes]
    if not any(named):
        answered = [_first_id(node, _ANSWERED) for node in nodes]
        return answered if sum(map(bool, answered)) * 2 >= len(nodes) else named
    return named


def _first_id(node: Turn, keys: Sequence[str]) -> str:
    return next((id for key in keys if (id := id_text(node.get(key)))), "")


def _id_key(nodes: list[Turn], named: list[str]) -> str:
    """The key of the ids that parents are named by; "" where no parent is among the turns."""
    wanted = set(named) - {""}
    for key in _IDS if wanted else ():
        if any(id_text(node.get(key)) in wanted for node in nodes):
            return key
    return ""


def _named_parents(nodes: list[Turn], inside: list[int | None], named: list[str], key: str) -> list[int | None]:
    """The place of the parent of each turn, as the turns name them; None for a root."""
    ids: dict[str, int] = {}
    own = [id_text(node.get(key)) for node in nodes]
    for place, id in enumerate(own):
        if id and ids.setdefault(id, place) != place:
            raise Unusable(key, "bad_tree", f"two of its messages have the {key} {id[:60]!r}.", _FIX)
    gone = set(named) - set(ids) - {""}
    if len(gone) > 1:  # the roots of a chat may name the same one, which stands for none
        problem = f"some of its messages follow one that is not there ({max(gone)[:60]})."
        raise Unusable(None, "bad_tree", problem, _FIX)
    return [
        None if parent == id else ids.get(parent, held) for parent, id, held in zip(named, own, inside, strict=True)
    ]


def _branch(nodes: list[Turn], parents: list[int | None], named: list[str], key: str, record: object) -> list[int]:
    """The places of the turns of the branch that was shown last, from its root on."""
    children: dict[int | None, list[int]] = {}
    for place, parent in enumerate(parents):
        children.setdefault(parent, []).append(place)
    downward = list(children.get(None, []))
    for place in downward:
        downward += children.get(place, [])
    if len(downward) < len(nodes):
        raise Unusable(None, "bad_tree", "its messages follow one another in a circle.", _FIX)
    current = _current(nodes, key, record)
    if current is not None:
        branch = [current]
        while (parent := parents[branch[-1]]) is not None:
            branch.append(parent)
        return branch[::-1]
    roots = children.get(None, [])
    if len(roots) > 1 and not all(named[place] for place in roots):
        problem = f"{len(roots)} of its messages follow no other, so which of them belong together is not certain."
        raise Unusable(None, "bad_tree", problem, _FIX)
    latest = _moments(nodes, parents)
    for place in reversed(downward):  # of each turn, and of all that follow it
        parent = parents[place]
        if parent is not None and latest and latest[parent] < latest[place]:
            latest[parent] = latest[place]
    branch, siblings = [], roots
    while siblings:
        branch.append(_shown(siblings, nodes, latest))
        siblings = children.get(branch[-1], [])
    return branch


def _current(nodes: list[Turn], key: str, record: object) -> int | None:
    """The place of the message that the record names as the current one."""
    named = (
        {str(record[name]) for name in _CURRENT if not missing(record.get(name))} if isinstance(record, dict) else ()
    )
    return next((place for place, node in enumerate(nodes) if key and str(node.get(key)) in named), None)


def _moments(nodes: list[Turn], parents: list[int | None]) -> list[tuple[float, ...]]:
    """When each turn was written, to be compared; [] where that is not known."""
    known, _ = places(nodes)
    steps = {place > parent for place, parent in enumerate(parents) if parent is not None}
    if len(steps) > 1 and len(set(known)) < len(nodes):
        return []
    newest_first = steps == {False}
    return [(*each, -place if newest_first else place) for place, each in enumerate(known)]


def _shown(siblings: list[int], nodes: list[Turn], latest: list[tuple[float, ...]]) -> int:
    """Of turns that answer the same, the one that counts: the one with the best rank (the lowest), else the latest."""
    siblings = [place for place in siblings if not has_failed(nodes[place])] or siblings
    if len(siblings) == 1:
        return siblings[0]
    ranks = {place: rank for place in siblings if (rank := number(nodes[place].get("rank"))) is not None}
    if ranks:
        return min(ranks, key=ranks.__getitem__)
    if not latest:
        problem = "it has several branches, and nothing tells which was shown last."
        raise Unusable(None, "bad_tree", problem, _FIX)
    return max(siblings, key=latest.__getitem__)
