"""Damaged parts of the search index, turns that it lacks, and words that it should not have."""

from __future__ import annotations

from optical_memory.errors import StoreError
from optical_memory.search.segment import Segment
from optical_memory.search.segment_bytes import segment_from_bytes
from optical_memory.session.checking.problem import Problem
from optical_memory.session.index_records import IndexDraft, is_stub_key, lacks_index
from optical_memory.session.records import TurnRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.stores.base import Delete
from optical_memory.stores.protection.base import refuse_damage

__all__ = ["index_problems"]


def index_problems(snapshot: Snapshot) -> list[Problem]:
    """Problems of the search index. A session without one is no problem: it is made when needed."""
    if lacks_index(snapshot):
        return []
    segments: dict[str, Segment] = {}
    sentences: list[str] = []
    for key, data in snapshot.index.items():
        try:
            refuse_damage(data)
            segments[key] = segment_from_bytes(data)
        except StoreError as error:
            sentences.append(
                f"part {key} of the search index is damaged ({error}); "
                "repair indexes its turns again"
            )
    damaged_keys = snapshot.index.keys() - segments.keys()
    ordinals = _ordinals(segments)
    draft = IndexDraft(snapshot)
    strange_ordinals = _strange_ordinals(snapshot, ordinals)
    draft.remove(strange_ordinals)
    if strange_ordinals:
        sentences.append(
            f"the search index has words of {len(strange_ordinals)} turns that are not there; "
            "repair removes them"
        )
    n_missing = sum(
        draft.renew(record)
        for record in snapshot.turns.values()
        if record.ordinal not in ordinals and _is_found(snapshot, record)
    )
    if n_missing and not damaged_keys:
        sentences.append(f"the search index lacks {n_missing} turns; repair indexes them again")
    removals = tuple(Delete("index", key) for key in damaged_keys)
    mends = [(*removals, *draft.changes()), *[()] * len(sentences)]
    return [Problem(sentence, mend) for sentence, mend in zip(sentences, mends, strict=False)]


def _strange_ordinals(snapshot: Snapshot, ordinals: set[int]) -> list[int]:
    """Those of turns that are forgotten or are not there."""
    turns = {record.ordinal: record for record in snapshot.turns.values()}
    return sorted(n for n in ordinals if n not in turns or turns[n].forgotten)


def _is_found(snapshot: Snapshot, record: TurnRecord) -> bool:
    """True for a turn that is to be found, if any of it is left."""
    is_current = record.superseded_by is None and not snapshot.session.is_old(record.ordinal)
    return is_current and not record.forgotten


def _ordinals(segments: dict[str, Segment]) -> set[int]:
    """The ordinals of all turns with units in these parts of the index."""
    ordinals: set[int] = set()
    for key, segment in segments.items():
        if not is_stub_key(key):
            ordinals.update(segment.ordinals[segment.turns].tolist())
    return ordinals
