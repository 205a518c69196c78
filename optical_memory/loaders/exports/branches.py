"""Messages that form a tree: an edited question or a second answer begins a new branch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import list_at, readable, text_at
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
    "ancestors",
    "branch_conversations",
    "branched_export",
    "conversations_in",
    "parents_in",
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
    source: Any,
    branches: str,
    conversations: Callable[[dict[str, Any], str, Branches], list[Conversation]],
) -> list[Conversation]:
    """The conversations of an export that has trees; `conversations` makes those of an object.

    A value that is no object is left out in its own words. Raises `InputError` if `branches` is
    another word, and if there are no messages.
    """
    if branches not in ("shown", "all"):
        raise InputError(f'branches must be "shown" or "all"; give one of them, not {branches!r}')
    option: Branches = "shown" if branches == "shown" else "all"
    name = stem(source)
    items = conversations_in(read_json(source))
    all_conversations: list[Conversation] = []
    strays: list[LeftOut] = []
    for n, item in enumerate(items):
        place = f"{name}[{n}]"
        if isinstance(item, dict):
            all_conversations += conversations(item, place, option)
        else:
            strays.append(LeftOut(place, "no conversation", readable(item)))
    return filled_conversations(all_conversations, name, strays)


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
    paths = {id: _path_to(parents, last_key)}
    if branches == "all":
        paths |= _other_paths(id, nodes, parents, paths[id])
    path_keys = set().union(*paths.values())
    conversations = [
        conversation_of(key, joined(nodes[node].reading for node in path), meta)
        for key, path in paths.items()
    ]
    main = conversations[0]
    left_out = (*main.left_out, *_other_words(nodes, path_keys))
    return [replace(main, left_out=left_out), *conversations[1:]]


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


def ancestors(parents: Mapping[str, str | None], key: str | None) -> Iterator[str]:
    """The id and the ids before it, back to the first message. A tree that bites its tail is cut
    there.
    """
    visited_keys: set[str] = set()
    while key is not None and key in parents and key not in visited_keys:
        visited_keys.add(key)
        yield key
        key = parents[key]


def _path_to(parents: Mapping[str, str | None], leaf: str) -> list[str]:
    """The ids from the first message to the leaf."""
    return list(ancestors(parents, leaf))[::-1]


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
    seconds = _seconds(nodes, parents)
    return max(leaves, key=lambda leaf: (seconds[leaf[1]], leaf[0]))[1]


def _seconds(nodes: Mapping[str, Node], parents: Mapping[str, str | None]) -> dict[str, float]:
    """By node, seconds since 1970 of the last turn with a time on the way to it; 0 without one.

    No node is looked at twice, however many branches go over it.
    """
    seconds: dict[str, float] = {}
    for node in parents:
        path: list[str] = []
        last_time = 0.0
        for key in ancestors(parents, node):
            if key in seconds:
                last_time = seconds[key]
                break
            path.append(key)
        for key in reversed(path):
            last_time = _own_seconds(nodes[key], last_time)
            seconds[key] = last_time
    return seconds


def _own_seconds(node: Node, default: float) -> float:
    """Seconds since 1970 of the first turn of the node that has a time."""
    times = (turn.when.timestamp() for turn in node.reading.turns if turn.when)
    return next(times, default)


def _other_paths(
    id: str, nodes: Mapping[str, Node], parents: Mapping[str, str | None], main_path: list[str]
) -> dict[str, list[str]]:
    """The paths that have turns of their own, each with the id of its conversation."""
    path_keys = set(main_path)
    paths = {}
    for leaf in _leaves(parents):
        path = _path_to(parents, leaf)
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
