"""Looking after a session: statistics, self-check and repair, export to a file and back.

An exported file is a zip of JSON records and PNG pictures with a manifest; it needs nothing of ours to be read.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from platformdirs import user_data_path
from pydantic import ValidationError

from optical_memory.archive import Archive, Change, Snapshot, put
from optical_memory.errors import InputError, StoreError
from optical_memory.forgetting import FORGOTTEN, STUB, ForgettingPolicy, tokens_kept
from optical_memory.life import page_states
from optical_memory.profiles import ReaderProfile
from optical_memory.records import PageRecord, picture_key
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.renderers.pictures import png_bytes
from optical_memory.stores.base import Kind, Put

__all__ = ["Stats", "check", "default_store", "export", "exported", "stats"]

FORMAT = 1


def default_store() -> str:
    """A file in the user's data directory."""
    folder = user_data_path("optical-memory", ensure_exists=True)
    return f"sqlite:///{folder / 'memory.db'}"


# ---- statistics -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stats:
    """`pages` counts by rung ("text" while not certified, "stub", "forgotten"); tokens are what the decoder receives.

    `compression` is the text tokens of the certified pages that still have a picture over their visual tokens.
    `forgotten` lists (page, first time, last time, keyed digest) of what is gone.
    """

    turns: int
    open_turns: int
    pages: dict[str, int]
    visual_tokens: int
    capacity: int
    text_tokens: int
    compression: float | None
    forgotten: list[dict[str, str | None]]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def stats(archive: Archive, capacity: int, policy: ForgettingPolicy, profile: ReaderProfile) -> Stats:
    snapshot = archive.snapshot()
    records = list(snapshot.pages.values())
    drawn = [record for record in records if record.rung is not None]
    visual = sum(profile.rung(record.rung).tokens for record in drawn if record.rung)
    text = sum(record.text_tokens for record in drawn)
    return Stats(
        turns=len(snapshot.turns),
        open_turns=len(snapshot.open_turns()),
        pages=dict(Counter(_shown(record) for record in records)),
        visual_tokens=tokens_kept(page_states(snapshot), policy, profile.ladder),
        capacity=capacity,
        text_tokens=text,
        compression=text / visual if visual else None,
        forgotten=[_epitaph(record) for record in records if record.state == FORGOTTEN],
    )


def _shown(record: PageRecord) -> str:
    return record.state if record.state in (STUB, FORGOTTEN) else record.rung or "text"


def _epitaph(record: PageRecord) -> dict[str, str | None]:
    times = {name: w.isoformat() if w else None for name, w in (("first", record.first_when), ("last", record.last_when))}
    return {"page": record.id, **times, "digest": record.digest}


# ---- check ----------------------------------------------------------------------------------------------------------


def check(archive: Archive, profile: ReaderProfile, renderer: PageRenderer, *, repair: bool) -> list[str]:
    """Problems of the session and its store; with `repair`, those that can be mended are (and still told)."""
    snapshot = archive.snapshot()
    kept = {key for key, _ in archive.store.scan(archive.session, "picture")}
    found = [*archive.store.check(), *_turn_problems(snapshot)]
    changes: list[Change] = []
    for record in snapshot.pages.values():
        problems, mended = _page_problems(record, kept, profile, renderer)
        found += problems
        changes += mended
    wanted = {picture_key(r.id, rung) for r in snapshot.pages.values() for rung in _rungs(r, profile)}
    found += [f"picture {key} belongs to no page at that rung" for key in sorted(kept - wanted)]
    if repair and changes:
        archive.update(lambda _: changes)
    return found


def _turn_problems(snapshot: Snapshot) -> list[str]:
    ordinals = [record.ordinal for record in snapshot.turns.values()]
    found = [] if ordinals == list(range(len(ordinals))) else ["the turns are not numbered without gaps"]
    if snapshot.session.next_turn != len(ordinals):
        found.append(f"the session counts {snapshot.session.next_turn} turns, but {len(ordinals)} are stored")
    for record in snapshot.turns.values():
        lost = [page for page in record.pages if page not in snapshot.pages]
        if lost:
            found.append(f"turn {record.id} stands on pages that are not stored: {lost}")
        if not record.sealed and not record.forgotten and record.text is None:
            found.append(f"turn {record.id} is open but has no text")
    return found


def _rungs(record: PageRecord, profile: ReaderProfile) -> list[str]:
    """The rungs whose pictures a page keeps: its own and all below it, so that fading only deletes."""
    names = [rung.name for rung in profile.ladder]
    if record.state in (STUB, FORGOTTEN):
        return []
    return names[names.index(record.rung) :] if record.rung in names else names


def _page_problems(
    record: PageRecord, kept: set[str], profile: ReaderProfile, renderer: PageRenderer
) -> tuple[list[str], list[Change]]:
    missing = [rung for rung in _rungs(record, profile) if picture_key(record.id, rung) not in kept]
    if not missing:
        return [], []
    page = record.get_page()
    if page is not None:  # the text is there: draw it again
        drawn = [
            Put("picture", picture_key(record.id, rung), png_bytes(renderer.draw(page, profile.rung(rung).side_px)))
            for rung in missing
        ]
        return [f"page {record.id} lacks its pictures at {missing}; repair draws them again"], list(drawn)
    names = [rung for rung in _rungs(record, profile) if rung not in missing]
    told = f"page {record.id} lacks its pictures at {missing} and its text is gone"
    if not names:
        return [told], []
    return [f"{told}; repair goes on with {names[0]}"], [put(record.model_copy(update={"rung": names[0]}))]


# ---- export ---------------------------------------------------------------------------------------------------------


def export(archive: Archive, path: Path) -> None:
    """Write every record and picture of the session."""
    snapshot = archive.snapshot()
    manifest = {"format": FORMAT, "session": archive.session, "version": snapshot.version}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False))
        for kind in get_args(Kind):
            suffix = ".png" if kind == "picture" else ".json"
            for key, value in archive.store.scan(archive.session, kind):
                file.writestr(f"{kind}/{key}{suffix}", value)


def exported(path: Path) -> tuple[str, list[Put]]:
    """The session's name and the writes that restore it. Raises `InputError` for anything that `export` did not write."""
    try:
        with zipfile.ZipFile(path) as file:
            manifest = json.loads(file.read("manifest.json"))
            if manifest["format"] != FORMAT:
                raise InputError(f"{path} has format {manifest['format']}; this version reads format {FORMAT}")
            changes = [_written(name, file.read(name)) for name in file.namelist() if name != "manifest.json"]
            Snapshot().apply(changes, 1)  # every record parses, or nothing is written
            return manifest["session"], changes
    except (zipfile.BadZipFile, KeyError, ValueError, ValidationError, StoreError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not an exported session: {error}") from error


def _written(name: str, value: bytes) -> Put:
    kind, _, rest = name.partition("/")
    if kind not in get_args(Kind):
        raise InputError(f"{name!r} is no record of a session")
    return Put(kind, rest.rpartition(".")[0], value)  # type: ignore[arg-type]  # one of Kind, just checked
