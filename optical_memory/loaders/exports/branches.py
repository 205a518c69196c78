"""Messages that form a tree: an edited question or a second answer begins a new branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Literal, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import list_at, text_at
from optical_memory.loaders.exports.reading import (
    Reading,
    conversation_of,
    filled_conversations,
    joined,
    turn_words,
)
from optical_memory.loaders.files import read_json, stem

__all__ = [
    "Branches",
    "Node",
    "branch_conversations",
    "branched_export",
    "conversations_in",
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


def conversations_in(data: Any) -> list[Any]:
    """The conversations of an export: a list of them, the list under `conversations`, or one."""
    if isinstance(data, dict) and isinstance(data.get("conversations"), list):
        return list_at(data, "conversations")
    return data if isinstance(data, list) else [data]


def branched_export(
    source: Any, branches: str, conversations: Callable[[Any, str, Branches], list[Conversation]]
) -> list[Conversation]:
    """The conversations of an export that has trees; `conversations` makes those of an item.

    Raises `InputError` if `branches` is another word, and if there are no messages.
    """
    if branches not in ("shown", "all"):
        raise InputError(f'branches must be "shown" or "all"; give one of them, not {branches!r}')
    option: Branches = "shown" if branches == "shown" else "all"
    name = stem(source)
    items = conversations_in(read_json(source))
    made = (conversations(item, f"{name}[{n}]", option) for n, item in enumerate(items))
    return filled_conversations(chain.from_iterable(made), name)


def branch_conversations(
    id: str, nodes: Mapping[str, Node], leaf: object, branches: Branches, meta: Mapping[str, Any]
) -> list[Conversation]:
    """The conversation of the branch that ends in `leaf`; with "all", one more for each branch
    that has messages of its own.

    Without a known leaf, the branch of the newest message counts as the shown one. The words of
    other branches are left out with their reason.
    """
    parents = {key: node.parent for key, node in nodes.items()}
    last_key = leaf if isinstance(leaf, str) and leaf in nodes else _newest_leaf(nodes, parents)
    paths = {id: path_to(parents, last_key)}
    if branches == "all":
        paths |= _other_paths(id, nodes, parents, paths[id])
    path_keys = set().union(*paths.values())
    conversations = [
        conversation_of(key, joined(nodes[node].reading for node in path), meta)
        for key, path in paths.items()
    ]
    left_out = _other_words(nodes, path_keys)
    main = conversations[0]
    all_left_out = (*main.left_out, *left_out)
    return [Conversation(main.id, main.turns, main.meta, all_left_out), *conversations[1:]]


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


def _newest_leaf(nodes: Mapping[str, Node], parents: Mapping[str, str | None]) -> str:
    """The leaf with the latest time; the last in the file if there are no times."""
    leaves = enumerate(_leaves(parents))
    return max(leaves, key=lambda leaf: (_seconds(nodes, leaf[1]), leaf[0]))[1]


def _seconds(nodes: Mapping[str, Node], leaf: str) -> float:
    """Seconds since 1970 of the last turn with a time on the way to the leaf; 0 without one."""
    visited_keys: set[str] = set()
    key: str | None = leaf
    while key is not None and key in nodes and key not in visited_keys:
        visited_keys.add(key)
        for turn in nodes[key].reading.turns:
            if turn.when:
                return turn.when.timestamp()
        key = nodes[key].parent
    return 0.0


def _other_paths(
    id: str, nodes: Mapping[str, Node], parents: Mapping[str, str | None], main_path: list[str]
) -> dict[str, list[str]]:
    """The paths that have turns of their own, each with the id of its conversation."""
    path_keys = set(main_path)
    paths = {}
    for leaf in _leaves(parents):
        path = path_to(parents, leaf)
        if any(nodes[key].reading.turns for key in path if key not in path_keys):
            paths[f"{id}/{leaf}"] = path
            path_keys.update(path)
    return paths


def _other_words(nodes: Mapping[str, Node], path_keys: set[str]) -> list[LeftOut]:
    """The words of messages that are in no conversation."""
    left_out: list[LeftOut] = []
    for key, node in nodes.items():
        if key in path_keys:
            continue
        if node.reading.turns:
            words = turn_words(node.reading.turns)
            left_out.append(LeftOut(node.place, _OTHER_BRANCH, words))
        left_out += node.reading.left_out
    return left_out
