"""Records: everything that a store keeps of a session, as versioned values. No I/O.

A record is JSON; pictures are PNG bytes under keys of their own. `v` is the version of the schema.
A later version of this package reads what an earlier version wrote. Keys sort as the turns do.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optical_memory.errors import InputError, NewerFormat, StoreError
from optical_memory.stores.base import Put
from optical_memory.stores.protection.base import refuse_damage
from optical_memory.stores.protection.checksums import without_sum
from optical_memory.turns import Attachment, Role, ToolCall, Turn, valid_text, valid_turn

__all__ = [
    "SCHEMA",
    "PageRecord",
    "PageStage",
    "Record",
    "Retain",
    "SessionRecord",
    "TurnRecord",
    "load_record",
    "page_key",
    "picture_key",
    "put",
    "turn_key",
]

Retain = Literal["pages", "text"]
PageStage = Literal["sealed", "certified", "stub", "forgotten"]

SCHEMA = 7
"""The newest schema. A record says 2 or more only if it uses a field that earlier schemas lack."""

Ordinal = Annotated[int, Field(ge=0, le=10**9 - 1)]
"""The place of a turn or page: as many digits as a turn's key has."""

Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A count, or an offset in a text: those of the index have 32 bits too."""

AnyRecord = TypeVar("AnyRecord", bound="Record")


def turn_key(ordinal: int) -> str:
    """The key of turn `ordinal`. Nine digits, so that keys sort as the turns do."""
    return f"{ordinal:09d}"


def page_key(ordinal: int) -> str:
    """The key of page `ordinal`, which is its id too. Seven digits, so that keys sort."""
    return f"{ordinal:07d}"


def picture_key(page: str, rung: str) -> str:
    """The key of a page's picture at a rung."""
    return f"{page}/{rung}"


class Record(BaseModel):
    """The base of all records: strict about its fields, versioned, JSON bytes in and out."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    v: int = 1

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        return [("v", self.v)]  # no words, and not the key of digests: a `repr` ends up in logs

    def dump(self) -> bytes:
        """The record as JSON bytes, without fields that have their default value."""
        return self.model_dump_json(exclude_defaults=True).encode()


def load_record(kind: type[AnyRecord], data: bytes) -> AnyRecord:
    """The record in these bytes.

    Raises `DamagedRecord` if they stand for damage, `StoreError` if they are no record of this
    kind, `NewerFormat` if a newer version of this package wrote them.
    """
    try:
        record = kind.model_validate_json(without_sum(data))
    except ValidationError as error:
        refuse_damage(data)
        with suppress(ValidationError):
            _refuse_newer(kind, Record.model_validate_json(without_sum(data), extra="ignore").v)
        raise StoreError(f"a stored {kind.__name__} does not parse: {_reasons(error)}") from error
    _refuse_newer(kind, record.v)
    return record


def _refuse_newer(kind: type[Record], schema: int) -> None:
    if schema > SCHEMA:
        raise NewerFormat(
            f"a stored {kind.__name__} has schema {schema}; this version reads up to {SCHEMA}"
        )


def _reasons(error: ValidationError) -> str:
    """The fields at fault and the reasons, without their values: these may be private."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    lines = []
    for problem in problems:
        place = ".".join(str(part) for part in problem["loc"]) or "record"
        lines.append(f"{place}: {problem['msg']}")
    return "; ".join(lines)


class SessionRecord(Record):
    """Facts that the whole session shares.

    `salt` keys every digest: without the store, nobody can test a guess of a text against a
    digest. With the store they can, so no digest of forgotten text is kept. If the store lost the
    session that was here before, `lost_turns` says how many turns were acknowledged and are gone;
    new turns get numbers after theirs. `host_turns` are the turns of the list that the host gave
    last, in its order. `old_turns` are turns that the host's list has no more: those on pages are
    there and nobody finds them, the others are gone. Both are runs of ordinals, (first, last), and
    need schema 3. `erasing` is True from when records were erased until the cached tokens are gone
    too; it needs schema 6.
    `masked_secrets` counts secrets. `days` has the first turn of each day, if there is a term, and
    `clock` a time far from them (`erasing.expire`). These three need schema 7.
    """

    next_turn: Ordinal = 0
    lost_turns: Number = 0
    host_turns: list[tuple[Ordinal, Ordinal]] = Field(default_factory=list)
    old_turns: list[tuple[Ordinal, Ordinal]] = Field(default_factory=list)
    erasing: bool = False
    masked_secrets: Number = 0
    days: list[tuple[Ordinal, date]] = Field(default_factory=list)
    clock: datetime | None = None
    salt: str = Field(default_factory=lambda: secrets.token_hex(16), pattern="^([0-9a-f]{2})*$")

    def with_fields(self, **fields: object) -> SessionRecord:
        """The record with these fields, and with the schema that all its fields need."""
        record = self.model_copy(update=fields)
        schema = 2 if record.lost_turns else 1
        if record.host_turns or record.old_turns:
            schema = 3
        if record.erasing:
            schema = 6
        if record.masked_secrets or record.days or record.clock is not None:
            schema = 7
        return record.model_copy(update={"v": schema})

    def is_old(self, ordinal: int) -> bool:
        """True for a turn that the host's list has no more."""
        return any(first <= ordinal <= last for first, last in self.old_turns)

    def digest(self, text: str) -> str:
        """HMAC-SHA-256 of the text under the session's salt, in hex digits."""
        key = bytes.fromhex(self.salt)
        return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


class TurnRecord(Record):
    """A turn.

    Its content is kept until the whole turn stands on sealed pages; with `retain="text"` it always
    stays. `host_id` is the id that the host gave, if `id` differs from it: every version of a turn
    but the first has an id of our own. `version` counts the versions of a turn, the oldest is 1.
    `superseded_by` is a host's id: the turn's own if a later version took its place, another if
    another turn did. `tombstone` is left of a forgotten turn: a digest under a key that is not in
    the store. These three need schema 4.
    """

    id: str
    ordinal: Ordinal
    role: Role
    name: str | None = None
    when: datetime | None = None
    digest: str
    text: str | None = None
    # Factories, because pydantic copies a default list deeply, which takes half of the time.
    tool_calls: list[ToolCall] = Field(default_factory=list)
    tool_call_id: str | None = None
    attachments: list[Attachment] = Field(default_factory=list)
    sealed_upto: Number = 0  # characters of the body that stand on sealed pages
    sealed: bool = False  # the whole body stands on sealed pages
    forgotten: bool = False
    pages: list[str] = Field(default_factory=list)
    host_id: str | None = None
    version: Number = 1
    superseded_by: str | None = None
    tombstone: str | None = None

    @classmethod
    def of(cls, turn: Turn, id: str, ordinal: int) -> TurnRecord:
        """The record of a turn.

        Raises `InputError` if a field of the turn has another type than the field says: its JSON
        might not parse, or not give the same turn.
        """
        turn = valid_turn(turn)
        try:
            return cls(
                id=valid_text("id", id),
                ordinal=ordinal,
                role=turn.role,
                name=turn.name,
                when=turn.when,
                digest="",
                text=turn.text,
                tool_calls=list(turn.tool_calls),
                tool_call_id=turn.tool_call_id,
                attachments=list(turn.attachments),
            )
        except ValidationError as error:
            raise InputError(f"a turn cannot be kept: {_reasons(error)}") from error

    @property
    def content(self) -> str:
        """Everything that makes two turns the same turn, whatever their place and id.

        It stays the same when a version adds fields, as default values are left out.
        """
        blank = {"id": "", "ordinal": 0, "digest": "", "host_id": None, "v": 1}
        return self.model_copy(update=blank).dump().decode()

    @property
    def is_older_version(self) -> bool:
        """True if a later version of the same turn took its place."""
        return self.superseded_by is not None and self.superseded_by == (self.host_id or self.id)

    def with_superseding(self, host_id: str | None) -> TurnRecord:
        """The record, superseded by the turn to which the host gave this id; None by no turn."""
        if host_id == self.superseded_by:
            return self
        return self.model_copy(update={"superseded_by": host_id, "v": 4})

    @property
    def turn(self) -> Turn:
        """The turn as it was given; its text is "" if the text was dropped."""
        return Turn(
            role=self.role,
            text=self.text or "",
            name=self.name,
            when=self.when,
            id=self.id,
            tool_calls=tuple(self.tool_calls),
            tool_call_id=self.tool_call_id,
            attachments=tuple(self.attachments),
        )

    def without_content(self) -> TurnRecord:
        """The turn without its text, tool calls and attachments."""
        return self.model_copy(update={"text": None, "tool_calls": [], "attachments": []})


class PageRecord(Record):
    """A page: its layout, how far it has faded, and everything kept beside its pictures.

    `rung` is None until the page is certified; until then it is read from `lines`. `lines` is the
    text, a string for each row, or None if the text was dropped. `terms` maps a turn's ordinal to
    its index terms with their counts. `layout`, `ledger` and `certificate` are JSON that
    `StoredPage` parses. `n_pages` is more than 1 for a condensed page: it has the best sentences of
    so many pages. Of such a page `rung` is its finest from the start. Every other page of them is
    forgotten, and `into` names that page. These two need schema 5.
    """

    id: str
    ordinal: Ordinal
    state: PageStage = "sealed"
    rung: str | None = None
    digest: str
    layout: dict[str, Any] | None = None
    lines: list[str] | None = None
    ledger: dict[str, Any] = Field(default_factory=dict)
    certificate: dict[str, Any] | None = None
    terms: dict[str, dict[str, Number]] = Field(default_factory=dict)
    keywords: list[str] = Field(default_factory=list)
    text_tokens: Number = 0
    first_when: datetime | None = None
    last_when: datetime | None = None
    hits: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] = 0  # below 0: of no use (`feedback`)
    pinned: bool = False
    n_pages: Number = 1
    into: str | None = None

    @property
    def readable(self) -> bool:
        """True if anything of the page is left to read."""
        return self.state != "forgotten" or self.lines is not None


def put(record: SessionRecord | TurnRecord | PageRecord) -> Put:
    """The write that stores a record under its own key."""
    if isinstance(record, SessionRecord):
        return Put("session", "session", record.dump())
    if isinstance(record, TurnRecord):
        return Put("turn", turn_key(record.ordinal), record.dump())
    return Put("page", record.id, record.dump())
