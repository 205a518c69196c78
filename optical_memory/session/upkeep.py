"""Looking after a session: statistics, export to a file and back. `checking` finds and mends
damage.

An exported file is a zip of JSON records and PNG pictures with a manifest; it needs nothing of ours
to be read.
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

from optical_memory.errors import InputError, StoreError
from optical_memory.profiles import ReaderProfile
from optical_memory.session.archive import Archive, Snapshot
from optical_memory.session.life import page_states
from optical_memory.session.policy import FORGOTTEN, STUB, ForgettingPolicy, tokens_kept
from optical_memory.session.records import PageRecord
from optical_memory.stores.base import Kind, Put

__all__ = ["Stats", "default_store", "export", "exported", "stats"]

FORMAT = 1


def default_store() -> str:
    """A file in the user's data directory."""
    folder = user_data_path("optical-memory", ensure_exists=True)
    return f"sqlite:///{folder / 'memory.db'}"


# ---- statistics ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stats:
    """`pages` counts by rung ("text" while not certified, "stub", "forgotten"); tokens are what the
    decoder receives.

    `compression` is the text tokens of the certified pages that still have a picture over their
    visual tokens. `forgotten` lists (page, first time, last time, keyed digest) of what is gone;
    `problem` is what the background work of this memory last stumbled on.
    """

    turns: int
    open_turns: int
    pages: dict[str, int]
    visual_tokens: int
    capacity: int
    text_tokens: int
    compression: float | None
    forgotten: list[dict[str, str | None]]
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def stats(
    archive: Archive, capacity: int, policy: ForgettingPolicy, profile: ReaderProfile
) -> Stats:
    snapshot = archive.snapshot()
    records = list(snapshot.pages.values())
    drawn = [record for record in records if record.rung is not None]
    visual = sum(profile.rung(record.rung).n_tokens for record in drawn if record.rung)
    text = sum(record.text_tokens for record in drawn)
    return Stats(
        turns=len(snapshot.turns),
        open_turns=len(snapshot.open_turns()),
        pages=dict(Counter(_shown(record) for record in records)),
        visual_tokens=tokens_kept(page_states(snapshot), policy, profile.ladder),
        capacity=capacity,
        text_tokens=text,
        compression=text / visual if visual else None,
        forgotten=[_epitaph(record) for record in records if not record.readable],
    )


def _shown(record: PageRecord) -> str:
    return record.state if record.state in (STUB, FORGOTTEN) else record.rung or "text"


def _epitaph(record: PageRecord) -> dict[str, str | None]:
    first, last = (
        when.isoformat() if when else None for when in (record.first_when, record.last_when)
    )
    return {"page": record.id, "first": first, "last": last, "digest": record.digest}


# ---- export --------------------------------------------------------------------------------------


def export(archive: Archive, path: Path) -> None:
    """Write every record and picture of the session, as of one version."""
    version, records = _everything(archive)
    manifest = {"format": FORMAT, "session": archive.session, "version": version}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", json.dumps(manifest))
        for record in records:
            suffix = ".png" if record.kind == "picture" else ".json"
            file.writestr(f"{record.kind}/{record.key}{suffix}", record.value)


def _everything(archive: Archive) -> tuple[int, list[Put]]:
    store, session = archive.store, archive.session
    while True:  # again if somebody wrote meanwhile
        version = store.version(session)
        found = [
            Put(kind, key, value)
            for kind in get_args(Kind)
            for key, value in store.scan(session, kind)
        ]
        if store.version(session) == version:
            return version, found


def exported(path: Path) -> tuple[str, list[Put]]:
    """The session's name and the writes that restore it. Raises `InputError` for what `export` did
    not write.
    """
    try:
        with zipfile.ZipFile(path) as file:
            manifest = json.loads(file.read("manifest.json"))
            if manifest["format"] != FORMAT:
                raise InputError(
                    f"{path} has format {manifest['format']}; this version reads format {FORMAT}"
                )
            changes = [
                _written(name, file.read(name))
                for name in file.namelist()
                if name != "manifest.json"
            ]
            Snapshot().after(changes, 1)  # every record parses, or nothing is written
            return manifest["session"], changes
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        ValidationError,
        StoreError,
        OSError,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not an exported session: {error}") from error


def _written(name: str, value: bytes) -> Put:
    kind, _, rest = name.partition("/")
    if kind not in get_args(Kind):
        raise InputError(f"{name!r} is no record of a session")
    return Put(kind, rest.rpartition(".")[0], value)  # type: ignore[arg-type]  # one of Kind, just checked
