"""Conversations of OpenAssistant: trees of messages, as rows with their parents or as nested
replies.

A tree is a conversation: the path of the answers that people ranked best. Other answers are left
out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import conversation_of, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import first_row, read_rows, row_items

__all__ = [
    "is_oasst",
    "oasst",
]

_OTHER_ANSWER = "another answer in the tree; the path of the best answers is the conversation"
_META = ("lang", "tree_state", "model_name")


@dataclass(frozen=True, slots=True)
class _Node:
    place: str
    fields: dict[str, Any]
    id: str
    parent: str | None


def oasst(source: Any) -> list[Conversation]:
    """A conversation for each tree, by the id of its prompt. Raises `InputError` without any."""
    name = stem(source)
    nodes: list[_Node] = []
    strangers: list[tuple[str, Any]] = []
    for place, row in row_items(read_json(source), name):
        row_nodes = list(_nodes(place, row, None))
        nodes += row_nodes
        if not row_nodes:
            strangers.append((place, row))
    ids = {node.id for node in nodes}
    children: dict[str, list[_Node]] = defaultdict(list)
    for node in nodes:
        if node.parent in ids:
            children[str(node.parent)].append(node)
    roots = [(node.place, node) for node in nodes if node.parent not in ids]
    return read_rows(
        [*roots, *strangers], lambda place, root: [_conversation(place, root, children)], name
    )


def is_oasst(data: Any) -> bool:
    """True if the first row is a message with its id, parent and text, or a tree of them."""
    first = first_row(data)
    prompt = first.get("prompt")
    if isinstance(prompt, dict):
        return "text" in prompt and "replies" in prompt
    return first.keys() >= {"message_id", "parent_id", "text", "role"}


def _nodes(place: str, row: Any, parent: str | None) -> Iterator[_Node]:
    """The message of a row, and of a nested tree all its replies."""
    stack = [(place, row, parent)]
    while stack:
        path, message, parent = stack.pop()
        if not isinstance(message, dict):
            continue
        if isinstance(message.get("prompt"), dict):
            stack.append((f"{path}.prompt", message["prompt"], parent))
            continue
        if "text" not in message and "role" not in message:
            continue
        id = str(message.get("message_id", path))
        fields = {key: value for key, value in message.items() if key != "replies"}
        yield _Node(path, fields, id, parent or _text_or_none(message.get("parent_id")))
        replies = message.get("replies")
        for n, reply in enumerate(replies if isinstance(replies, list) else []):
            stack.append((f"{path}.replies[{n}]", reply, id))


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


def _conversation(place: str, root: Any, children: dict[str, list[_Node]]) -> Conversation:
    if not isinstance(root, _Node):
        raise InputError(f"{place}: expected a message with 'text' and 'role'")
    path = _best_path(root, children)
    places = {node.place for node in path}
    other_nodes = [node for node in _tree(root, children) if node.place not in places]
    history = read_history((node.place, _message(node)) for node in path)
    left_out = [
        LeftOut(node.place, _OTHER_ANSWER, as_text(node.fields.get("text"))) for node in other_nodes
    ]
    meta = {key: root.fields.get(key) for key in _META}
    return conversation_of(root.id, history, meta, left_out)


def _best_path(root: _Node, children: Mapping[str, Sequence[_Node]]) -> list[_Node]:
    """The root, and the best reply to each node of the path. An id that comes again ends it."""
    path = [root]
    ids = {root.id}
    while True:
        replies = [node for node in children.get(path[-1].id, ()) if node.id not in ids]
        if not replies:
            return path
        path.append(min(replies, key=_rank))
        ids.add(path[-1].id)


def _tree(root: _Node, children: dict[str, list[_Node]]) -> list[_Node]:
    """All nodes of a tree, each once. They are taken out of `children`.

    A file may have the same tree a thousand times: its answers belong to the first.
    """
    nodes: dict[str, _Node] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if node.place not in nodes:
            nodes[node.place] = node
            stack += children.pop(node.id, ())
    return list(nodes.values())


def _rank(node: _Node) -> tuple[bool, bool, float]:
    """Deleted answers last; then by the rank that people gave, and those without a rank."""
    rank: Any = node.fields.get("rank")
    is_rejected = node.fields.get("deleted") is True or node.fields.get("review_result") is False
    is_number = isinstance(rank, int | float)
    return is_rejected, not is_number, rank if is_number else 0


def _message(node: _Node) -> dict[str, Any]:
    return {
        "role": node.fields.get("role"),
        "content": node.fields.get("text"),
        "id": node.fields.get("message_id"),
        "timestamp": node.fields.get("created_date"),
    }
