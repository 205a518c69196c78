"""Messages that form a tree: an edited question or a second answer begins a new branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.chats.fields import list_at, text_at
from optical_memory.loaders.chats.reading import Reading, conversation_of, joined, turn_words
from optical_memory.loaders.conversation import Conversation, LeftOut

__all__ = [
    "Branches",
    "Node",
    "branch_conversations",
    "checked_branches",
    "parents_in",
    "path_to",
]

Branches = Literal["shown", "all"]

_OTHER_BRANCH = 'a branch that is not shown; the loader gives it with branches="all"'


class Node(NamedTuple):
    """A message of the tree. `parent` is the id of the message before it."""

    parent: str | None
    reading: Reading
    place: str


def checked_branches(branches: str) -> Branches:
    """The option as it may be. Raises `InputError` for any other."""
    if branches not in ("shown", "all"):
        raise InputError(f'branches must be "shown" or "all", not {branches!r}')
    return "shown" if branches == "shown" else "all"


def branch_conversations(
    id: str, nodes: Mapping[str, Node], leaf: object, branches: Branches, meta: Mapping[str, Any]
) -> list[Conversation]:
    """The conversation of the branch that ends in `leaf`; with "all", one more for each branch
    that has messages of its own.

    Without a known leaf, the branch of the newest message counts as the shown one. The words of
    other branches are left out with their reason.
    """
    parents = {key: node.parent for key, node in nodes.items()}
    leaves = _leaves(parents)
    shown = path_to(parents, leaf if isinstance(leaf, str) and leaf in nodes else leaves[-1])
    paths = {id: shown}
    if branches == "all":
        paths |= _other_paths(id, nodes, shown, [path_to(parents, other) for other in leaves])
    covered = set().union(*paths.values())
    conversations = [
        conversation_of(key, joined(nodes[node].reading for node in path), meta)
        for key, path in paths.items()
    ]
    left_out = _other_words(nodes, covered)
    first = conversations[0]
    conversations[0] = Conversation(
        first.id, first.turns, first.meta, first.left_out + tuple(left_out)
    )
    return conversations


def parents_in(mapping: dict[str, Any]) -> dict[str, str | None]:
    """The parent of each node of a mapping: as it says, or as the children of another node say."""
    by_children: dict[str, str] = {}
    for key, node in mapping.items():
        for child in list_at(node, "children"):
            if isinstance(child, str):
                by_children[child] = key
    parents = {}
    for key, node in mapping.items():
        parent = text_at(node, "parent")
        parents[key] = parent if parent in mapping else by_children.get(key)
    return parents


def path_to(parents: Mapping[str, str | None], leaf: str) -> list[str]:
    """The ids from the first message to the leaf. A tree that bites its tail is cut there."""
    path: dict[str, None] = {}
    key: str | None = leaf
    while key is not None and key in parents and key not in path:
        path[key] = None
        key = parents[key]
    return list(reversed(path))


def _leaves(parents: Mapping[str, str | None]) -> list[str]:
    """The messages that none follows, in the order of the file; the last message if there are
    none.
    """
    with_children = set(parents.values())
    leaves = [key for key in parents if key not in with_children]
    return leaves or list(parents)[-1:]


def _other_paths(
    id: str, nodes: Mapping[str, Node], shown: list[str], paths: list[list[str]]
) -> dict[str, list[str]]:
    """The paths that have turns of their own, each with the id of its conversation."""
    covered = set(shown)
    others = {}
    for path in paths:
        if any(nodes[key].reading.turns for key in path if key not in covered):
            others[f"{id}/{path[-1]}"] = path
            covered.update(path)
    return others


def _other_words(nodes: Mapping[str, Node], covered: set[str]) -> list[LeftOut]:
    """The words of messages that are in no conversation."""
    left_out: list[LeftOut] = []
    for key, node in nodes.items():
        if key in covered:
            continue
        if node.reading.turns:
            words = turn_words(node.reading.turns)
            left_out.append(LeftOut(node.place, _OTHER_BRANCH, words))
        left_out += node.reading.left_out
    return left_out
