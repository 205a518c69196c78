"""The visual tokens of stored pages: from the cache, or encoded again from the stored pictures.

On a cache miss the stored picture is encoded, and its tokens go through the codec like any other.
So a lost blob changes speed and nothing else. A cache that fails counts as a miss. The vision tower
never runs on a hit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from optical_memory.errors import (
    CorruptPicture,
    CorruptTokens,
    KeyMismatch,
    ReaderMismatch,
    StoreError,
    StoreTimeout,
)
from optical_memory.profiles import Rung
from optical_memory.readers.base import Reader
from optical_memory.renderers.drawing import Image
from optical_memory.renderers.pictures import from_png
from optical_memory.session.archive import Archive
from optical_memory.session.records import PageRecord
from optical_memory.stores.protection.base import DamagedValue
from optical_memory.stores.turn_time import time_left, turn_time
from optical_memory.telemetry.event_table import TOKEN_CACHE_FAILED
from optical_memory.telemetry.events import emit
from optical_memory.telemetry.measuring import operation
from optical_memory.tokens import TokenCodec, VisualTokens, blob_key, unpack

__all__ = [
    "PageRung",
    "TokenCache",
]

TRIPS_AFTER: Final = 3
"""Round trips after pictures are fetched: tokens to the cache, a look at the session then, and a
last look when they are read. A turn without time for these does not cache the tokens.
"""

PageRung = tuple[PageRecord, Rung]
"""A page, and the rung at which it is to be read."""


class TokenCache:
    """Tokens of a session's pages, for a reader and a codec.

    `on_failure` is called with the error if the store's cache fails; without it the log says so
    once, and again after the cache has worked in between. `n_encoded` counts the pages that the
    vision tower has seen for this cache.
    """

    def __init__(
        self,
        archive: Archive,
        reader: Reader,
        codec: TokenCodec,
        on_failure: Callable[[StoreError], None] | None = None,
    ) -> None:
        self.archive = archive
        self.reader = reader
        self.codec = codec
        self.n_encoded = 0
        self._on_failure = on_failure or self._log_failure
        self._works = True  # False after a failure that the log has told of

    def tokens(self, records: Sequence[PageRecord], rung: Rung) -> list[VisualTokens]:
        """The tokens of each page at `rung`, in order. Raises as `tokens_at`."""
        return self.tokens_at([(record, rung) for record in records])

    def tokens_at(self, places: Sequence[PageRung]) -> list[VisualTokens]:
        """The tokens of each page at its rung, in order.

        Raises `StoreError` if a page has no picture at its rung, or if it faded or was forgotten
        while its picture was encoded.
        """
        tokens = self._cached_tokens(places)
        self._fill(tokens, places)
        return [value for value in tokens if value is not None]

    def tokens_in_time(self, places: Sequence[PageRung]) -> list[VisualTokens | None]:
        """As `tokens_at`; None for pages that the turn has no time to fetch."""
        tokens = self._cached_tokens(places)
        with suppress(StoreTimeout):
            self._fill(tokens, places)
        return tokens

    def _cached_tokens(self, places: Sequence[PageRung]) -> list[VisualTokens | None]:
        blobs = self._cached([self._key(*place) for place in places])
        return [self._unpack(blob, rung) for blob, (_, rung) in zip(blobs, places, strict=True)]

    def _fill(self, tokens: list[VisualTokens | None], places: Sequence[PageRung]) -> None:
        """Put the tokens of new pictures in the place of each None."""
        misses = [i for i, value in enumerate(tokens) if value is None]
        if misses:
            new_tokens = self._encode([places[i] for i in misses])
            for i, value in zip(misses, new_tokens, strict=True):
                tokens[i] = value

    def _encode(self, places: Sequence[PageRung]) -> list[VisualTokens]:
        """The tokens of these pages, from their pictures, all of which are fetched at once."""
        begin = time.monotonic()
        images = self._images(places)
        seconds = time.monotonic() - begin
        blobs = [b""] * len(places)
        for rung in dict.fromkeys(rung for _, rung in places):
            indices = [i for i, place in enumerate(places) if place[1] == rung]
            tokens = self._see([images[i] for i in indices], rung)
            for i, value in zip(indices, tokens, strict=True):
                blobs[i] = self.codec.pack(value)
        seconds_left = time_left()
        if seconds_left is None or seconds_left > TRIPS_AFTER * seconds:
            keys = [self._key(*place) for place in places]
            self._store(dict(zip(keys, blobs, strict=True)), places)
        self.n_encoded += len(blobs)
        return [unpack(blob) for blob in blobs]

    def _see(self, images: Sequence[Image], rung: Rung) -> list[VisualTokens]:
        with operation(
            "encode",
            self.archive.session,
            gen_ai__operation__name="embeddings",
            gen_ai__request__model=self.reader.profile.id,
            optical_memory__pages=len(images),
            optical_memory__rung=rung.name,
        ):
            return self.reader.encode(images, rung)

    # ---- pictures ------------------------------------------------------------------------------

    def picture(self, record: PageRecord, rung: Rung) -> bytes:
        """The stored PNG.

        Raises `CorruptPicture` if the store has lost it, and `StoreError` if the page has faded.
        """
        return self.stored_picture(record, rung.name)

    def stored_picture(self, record: PageRecord, rung: str) -> bytes:
        """The stored PNG at the rung of this name, whatever reader has it. Raises as `picture`."""
        return self._require(self.archive.picture(record.id, rung), record, rung)

    def _require(self, data: bytes | None, record: PageRecord, rung: str) -> bytes:
        if data is None:
            raise self._absent(record, rung)
        if isinstance(data, DamagedValue):
            raise self._corrupt(data.sentence, record, rung)
        return data

    def _absent(self, record: PageRecord, rung: str) -> StoreError:
        """The error for a picture that is not there: it was lost, or the page has faded."""
        latest = self.archive.snapshot().pages.get(record.id)
        if latest is not None and (latest.digest, latest.rung) == (record.digest, rung):
            return self._corrupt("it is gone from the store", record, rung)
        return StoreError(
            f"page {record.id} has no picture at {rung!r} in session {self.archive.session!r}"
        )

    def _images(self, places: Sequence[PageRung]) -> list[Image]:
        pictures = self.archive.pictures([(record.id, rung.name) for record, rung in places])
        return [
            self._image(self._require(data, record, rung.name), record, rung)
            for data, (record, rung) in zip(pictures, places, strict=True)
        ]

    def _image(self, data: bytes, record: PageRecord, rung: Rung) -> Image:
        try:
            return from_png(data)
        except CorruptPicture as error:
            raise self._corrupt(str(error), record, rung.name) from error

    def _corrupt(self, reason: str, record: PageRecord, rung: str) -> CorruptPicture:
        return CorruptPicture(
            f"the picture of page {record.id} at {rung!r} "
            f"in session {self.archive.session!r} is damaged: {reason}"
        )

    # ---- blobs ---------------------------------------------------------------------------------

    def _cached(self, keys: Sequence[str]) -> list[bytes | None]:
        """Blobs by key, None for each that the cache lacks; all None if the cache fails."""
        try:
            blobs = self.archive.store.get_blobs(self.archive.session, keys)
        except StoreError as error:
            self._on_failure(error)
            return [None] * len(keys)
        self._works = True
        return blobs

    def _store(self, blobs: Mapping[str, bytes], places: Iterable[PageRung]) -> None:
        """Cache blobs, then check that each page still has this picture.

        The check must come last. Whoever forgets a page changes its record first and drops its
        blobs then. If that drop came before this write, the check sees the changed record and
        drops the blobs here. Raises `StoreError` in that case, and `KeyMismatch` if the session was
        encrypted meanwhile.

        A turn needs the tokens and not the cache, so it leaves half of its time for what follows.
        """
        seconds = time_left()
        try:
            with turn_time(None if seconds is None else seconds / 2):
                self.archive.store.put_blobs(self.archive.session, dict(blobs))
        except StoreError as error:
            self._on_failure(error)
        try:
            pages = self.archive.snapshot().pages
        except KeyMismatch:
            self.archive.store.drop_blobs(self.archive.session, list(blobs))
            raise
        if not all(self._has(pages.get(page.id), page.digest, rung) for page, rung in places):
            self.archive.store.drop_blobs(self.archive.session, list(blobs))
            raise StoreError(f"pages of session {self.archive.session!r} faded while being read")

    def _has(self, record: PageRecord | None, digest: str, rung: Rung) -> bool:
        """True if the page is the same as before and has a picture at `rung`."""
        if record is None or record.digest != digest or record.state in ("stub", "forgotten"):
            return False
        ladder = self.reader.profile.ladder
        return record.rung is None or rung in ladder.down_from(record.rung)

    def drop(self, record: PageRecord, rungs: Iterable[Rung]) -> None:
        """Drop a page's cached tokens at these rungs.

        If the cache fails, they stay until their time to live is over.
        """
        keys = [self._key(record, rung) for rung in rungs]
        try:
            self.archive.store.drop_blobs(self.archive.session, keys)
        except StoreError as error:
            self._on_failure(error)

    def _log_failure(self, error: StoreError) -> None:
        if self._works:
            emit(TOKEN_CACHE_FAILED, session=self.archive.session, error=error)
        self._works = False

    def _key(self, record: PageRecord, rung: Rung) -> str:
        profile = self.reader.profile
        return blob_key(record.digest, profile.id, profile.revision, rung.name, self.codec.name)

    def _unpack(self, blob: bytes | None, rung: Rung) -> VisualTokens | None:
        """None if the blob is absent or damaged: a cache may be wrong, so nobody trusts it."""
        if blob is None:
            return None
        profile = self.reader.profile
        try:
            return unpack(blob, expect=(profile.id, profile.revision, rung.name))
        except (CorruptTokens, ReaderMismatch):
            return None
