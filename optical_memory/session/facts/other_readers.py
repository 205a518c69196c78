"""Pages whose pictures were drawn for a reader with another ladder: they are left to that reader.

This reader does not fade, condense or mend them. It reads what it can: the text, the exact facts of
the ledger or the stub.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from optical_memory.profiles import Ladder
from optical_memory.session.forgetting.policy import FORGOTTEN, STUB, PageState
from optical_memory.session.records import PageRecord
from optical_memory.session.stored_page import agreements_of

__all__ = [
    "RungsOf",
    "drawn_names",
    "is_for_other_reader",
    "own_states",
]


def is_for_other_reader(record: PageRecord, ladder: Ladder) -> bool:
    """True if a certified page stands on a rung, or may fade to a rung, that the ladder lacks.

    Raises `StoreError` if the page's certificate does not parse.
    """
    if record.state != "certified":
        return False
    return not _are_all_in(ladder.names, record.rung, agreements_of(record))


def own_states(states: Sequence[PageState], ladder: Ladder) -> list[PageState]:
    """The states of pages, as a plan for this ladder takes them.

    A page for another reader is taken as text: it costs no tokens of this reader and stays as it
    is.
    """
    names = frozenset(ladder.names)
    return [
        state
        if state.rung in (None, STUB, FORGOTTEN) or _are_all_in(names, state.rung, state.agreement)
        else replace(state, rung=None)
        for state in states
    ]


RungsOf = Callable[[str], Collection[str]]
"""Gives the names of all rungs at which a page has a picture. See `Archive.drawn_rungs`."""


def drawn_names(record: PageRecord, ladder: Ladder, rungs_of: RungsOf | None = None) -> list[str]:
    """The names of the rungs at which the page may have a picture, whoever drew it.

    Only a page without a certificate does not say so: then `rungs_of` is asked. Raises as
    `is_for_other_reader`.
    """
    names = [*ladder.names, *agreements_of(record)]
    if record.rung is not None:
        names.append(record.rung)
    if record.certificate is None and rungs_of is not None:
        names += rungs_of(record.id)
    return list(dict.fromkeys(names))


def _are_all_in(names: Collection[str], rung: str | None, others: Iterable[str]) -> bool:
    return rung in names and all(name in names for name in others)
