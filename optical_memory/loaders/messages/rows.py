"""Rows of a file, read each by itself: a bad row is left out with its reason, the others load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.messages.content import as_text

__all__ = [
    "Items",
    "first_row",
    "list_items",
    "read_rows",
    "row_id",
    "row_items",
]

Items = Iterable[tuple[str, Any]]
"""Values of a file, each with its place."""


def read_rows(
    items: Items, read_row: Callable[[str, Any], Sequence[Conversation]], name: str
) -> list[Conversation]:
    """The conversations of all rows. A row that `read_row` refuses is left out with its reason.

    Raises `InputError` if no row is a conversation: the error of the first row.
    """
    conversations: list[Conversation] = []
    left_out: list[LeftOut] = []
    errors: list[InputError] = []
    for place, row in items:
        try:
            conversations += read_row(place, row)
        except InputError as error:
            errors.append(error)
            left_out.append(LeftOut(place, f"no conversation: {error}", as_text(row)))
    if not conversations:
        raise (
            errors[0]
            if errors
            else InputError(f"{name}: no conversation in it; take a file with conversations")
        )
    first = conversations[0]
    conversations[0] = replace(first, left_out=(*first.left_out, *left_out))
    return conversations


def first_row(data: Any) -> dict[str, Any]:
    """The first row of a list, or the data itself; an empty object if that is no object."""
    row = data[0] if isinstance(data, list) and data else data
    return row if isinstance(row, dict) else {}


def row_id(row: Mapping[str, Any], keys: Iterable[str], place: str) -> str:
    """The value under the first of the keys that has one, as text; without any, the place."""
    return next((str(row[key]) for key in keys if row.get(key)), place)


def row_items(data: Any, name: str) -> list[tuple[str, Any]]:
    """The rows of a list, each with its place; any other data is the only row."""
    return list_items(data, name) if isinstance(data, list) else [(name, data)]


def list_items(values: Sequence[Any], place: str) -> list[tuple[str, Any]]:
    """The values of a list, each with its place, such as `messages[3]`."""
    return [(f"{place}[{n}]", value) for n, value in enumerate(values)]
