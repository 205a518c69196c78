"""What a store keeps of a session, as versioned records: the session, its turns, its pages. No I/O.

A record is JSON (pictures are PNG bytes under their own keys). `v` is the schema's version; what
one version wrote, every later one reads. Keys sort in the order of the conversation.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optical_memory.certificate import Certificate, agreements_in
from optical_memory.errors import InputError, NewerFormat, StoreError
from optical_memory.ledger import Ledger
from optical_memory.pages import Layout, Page
from optical_memory.turns import Attachment, Role, ToolCall, Turn

__all__ = [
    "PageRecord",
    "Retain",
    "SessionRecord",
    "TurnRecord",
    "load",
    "page_key",
    "picture_key",
    "turn_key",
]

Retain = Literal["pages", "text"]
PageState = Literal["sealed", "certified", "stub", "forgotten"]
SCHEMA = 1
AnyRecord = TypeVar("AnyRecord", bound="Record")
Text = TypeVar("Text", str, str | None)
Parsed = TypeVar("Parsed")


def turn_key(ordinal: int) -> str:
    return f"{ordinal:09d}"


def page_key(ordinal: int) -> str:
    return f"{ordinal:07d}"


def picture_key(page: str, rung: str) -> str:
    return f"{page}/{rung}"


class Record(BaseModel):
    """The base of all records: strict about its fields, versioned, JSON bytes in and out."""

    model_config = ConfigDict(extra="forbid")
    v: int = SCHEMA

    def dump(self) -> bytes:
        return self.model_dump_json(exclude_defaults=True).encode()


def load(kind: type[AnyRecord], data: bytes) -> AnyRecord:
    """Parse a record; raises `StoreError` naming what is wrong, `NewerFormat` for one of a newer
    version.
    """
    try:
        record = kind.model_validate_json(data)
    except ValidationError as error:
        _refuse_newer(kind, _schema(data))
        raise StoreError(f"a stored {kind.__name__} does not parse: {error}") from error
    _refuse_newer(kind, record.v)
    return record


def _refuse_newer(kind: type[Record], schema: int) -> None:
    if schema > SCHEMA:
        raise NewerFormat(
            f"a stored {kind.__name__} has schema {schema}; this version reads up to {SCHEMA}"
        )


def _schema(data: bytes) -> int:
    """The schema that bytes say they have; 0 where they are no record at all."""
    try:
        return Record.model_validate_json(data, extra="ignore").v
    except ValidationError:
        return 0


class SessionRecord(Record):
    """What the whole session shares. `salt` keys the digests, so that without the store none
    confirms a guess of a text; with it one does, which is why nothing keeps a digest of what was
    forgotten on purpose.
    """

    next_turn: int = 0
    salt: str = Field(default_factory=lambda: secrets.token_hex(16))

    def digest(self, text: str) -> str:
        return hmac.new(
            bytes.fromhex(self.salt), text.encode("utf-8", "surrogatepass"), hashlib.sha256
        ).hexdigest()


class TurnRecord(Record):
    """One turn. Its content is here until it stands on sealed pages, and for ever with
    `retain="text"`.
    """

    id: str
    ordinal: int
    role: Role
    name: str | None = None
    when: datetime | None = None
    digest: str
    text: str | None = None
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None
    attachments: list[Attachment] = []
    sealed_upto: int = 0  # characters of the body that stand on sealed pages
    sealed: bool = False  # the whole body stands on sealed pages
    forgotten: bool = False
    pages: list[str] = []

    @classmethod
    def of(cls, turn: Turn, id: str, ordinal: int, digest: str) -> TurnRecord:
        """Raises `InputError` where a field of the turn is not of its type."""
        try:
            return cls(
                id=_plain(id),
                ordinal=ordinal,
                role=turn.role,
                name=_plain(turn.name),
                when=turn.when,
                digest=digest,
                text=_plain(turn.text),
                tool_calls=[
                    replace(c, name=_plain(c.name), arguments=_plain(c.arguments), id=_plain(c.id))
                    for c in turn.tool_calls
                ],
                tool_call_id=_plain(turn.tool_call_id),
                attachments=[
                    replace(a, ref=_plain(a.ref), caption=_plain(a.caption))
                    for a in turn.attachments
                ],
            )
        except ValidationError as error:
            raise InputError(f"turn {id!r} cannot be kept: {error}") from error

    @property
    def content(self) -> str:
        """All that makes two turns the same turn, whatever their place and id; stable when fields
        are added.
        """
        return self.model_copy(update={"id": "", "ordinal": 0, "digest": ""}).dump().decode()

    @property
    def turn(self) -> Turn:
        """The turn as it was given; the text is "" once it was dropped."""
        calls, attachments = tuple(self.tool_calls), tuple(self.attachments)
        text = self.text or ""
        return Turn(
            self.role, text, self.name, self.when, self.id, calls, self.tool_call_id, attachments
        )

    def without_content(self) -> TurnRecord:
        return self.model_copy(update={"text": None, "tool_calls": [], "attachments": []})


def _plain(text: Text) -> Text:
    """Text as UTF-8 can write it: lone surrogates become a visible escape."""
    return text.encode("utf-8", "backslashreplace").decode() if isinstance(text, str) else text


class PageRecord(Record):
    """One page: where things stand on it, how far it has faded, and what is kept beside its
    pictures.

    `terms` maps a turn's ordinal to its index terms with their counts; `lines` is the text while it
    is kept.
    """

    id: str
    ordinal: int
    state: PageState = "sealed"
    rung: str | None = None  # None: not certified yet, read from `lines`
    digest: str
    layout: dict[str, Any] | None = None
    lines: list[str] | None = None
    ledger: dict[str, Any] = {}
    certificate: dict[str, Any] | None = None
    terms: dict[str, dict[str, int]] = {}
    keywords: list[str] = []
    text_tokens: int = 0
    first_when: datetime | None = None
    last_when: datetime | None = None
    hits: int = 0
    pinned: bool = False

    def get_layout(self) -> Layout:
        if self.layout is None:
            raise StoreError(f"page {self.id} has no layout any more: it is {self.state}")
        return Layout.from_json(self.layout)

    def get_page(self) -> Page | None:
        """The page with its text, while that is kept."""
        return None if self.lines is None else Page(self.get_layout(), tuple(self.lines))

    def get_ledger(self) -> Ledger:
        return Ledger.from_json(self.ledger) if self.ledger else Ledger(())

    def get_certificate(self) -> Certificate | None:
        """Raises `StoreError` for one that does not parse, `NewerFormat` for one of a newer
        version.
        """
        return (
            None
            if self.certificate is None
            else self._parsed(Certificate.from_json, self.certificate)
        )

    def get_agreements(self) -> dict[str, float]:
        """Agreement by rung, without the rest of the certificate; raises as `get_certificate`."""
        return {} if self.certificate is None else self._parsed(agreements_in, self.certificate)

    def _parsed(
        self, parse: Callable[[dict[str, Any]], Parsed], certificate: dict[str, Any]
    ) -> Parsed:
        try:
            return parse(certificate)
        except (LookupError, TypeError, ValueError) as error:
            raise StoreError(
                f"the certificate of page {self.id} does not parse: {error!r}"
            ) from error

    @property
    def readable(self) -> bool:
        """Whether anything is left of the page to read."""
        return self.state != "forgotten" or self.lines is not None
