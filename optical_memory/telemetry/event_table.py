"""The events that this package writes to the log; docs/observability.md has them in a table."""

from __future__ import annotations

from logging import ERROR, INFO, WARNING
from typing import Final

from optical_memory.telemetry.events import Event

__all__ = [
    "BACKGROUND_BEHIND",
    "BACKGROUND_STOPPED",
    "BREAKER_CLOSED",
    "BREAKER_OPENED",
    "EVENTS",
    "FILES_NOT_REWRITTEN",
    "HTTP_OPEN_TO_OTHERS",
    "INDEX_DAMAGED",
    "MEMORY_BACK",
    "PAGES_LOST",
    "PAGES_READ_SINGLY",
    "PAGE_NOT_CERTIFIED",
    "PAGE_NOT_CONDENSED",
    "PAGE_NOT_DECODED",
    "PAGE_NOT_READ",
    "PAGE_OF_OTHER_READER",
    "PICTURES_REFUSED",
    "READING_FAILED",
    "RECALL_NOT_COUNTED",
    "RECEIPTS_UNREADABLE",
    "RECORD_DAMAGED",
    "REQUEST_BILLED",
    "ROW_LEFT_OUT",
    "SESSION_BEGAN_AGAIN",
    "TELEMETRY_ABSENT",
    "TOKEN_CACHE_FAILED",
    "TOMBSTONE_KEY_NOT_KEPT",
    "TURNS_ABSENT",
    "TURNS_EXPIRED",
    "TURNS_LOST",
    "TURNS_PASSED_OVER",
    "VECTORS_LEFT_OUT",
    "VERB_FAILED",
    "VIEW_FAILED",
    "WINDOW_TOO_SMALL",
]

# ---- stores and sessions -------------------------------------------------------------------------

BREAKER_OPENED: Final = Event(
    "breaker_opened",
    WARNING,
    "the store does not answer: for %(seconds).1f s nobody asks it (%(error_type)s)",
    "optical_memory.stores",
)
BREAKER_CLOSED: Final = Event(
    "breaker_closed", WARNING, "the store answers again", "optical_memory.stores"
)
FILES_NOT_REWRITTEN: Final = Event(
    "files_not_rewritten", WARNING, "%(reason)s", "optical_memory.stores"
)
RECORD_DAMAGED: Final = Event(
    "record_damaged",
    WARNING,
    "session %(session)r: %(kind)s %(key)s is passed over: %(reason)s",
)
SESSION_BEGAN_AGAIN: Final = Event(
    "session_began_again",
    WARNING,
    "session %(session)r was dropped or lost, and has begun again: another process wrote to it",
)
TURNS_LOST: Final = Event(
    "turns_lost",
    ERROR,
    "%(n_turns)d acknowledged turns of session %(session)r are gone from the store: "
    "another process dropped the session, or the store lost it",
)
TURNS_ABSENT: Final = Event(
    "turns_absent",
    ERROR,
    "%(n_turns)d acknowledged turns of session %(session)r are gone from the store: it lost or "
    "evicted their records; check(repair=True) goes on without them",
)
TURNS_PASSED_OVER: Final = Event(
    "turns_passed_over",
    INFO,
    "session %(session)r: %(n_turns)d turns passed over, for they are forgotten",
)
TOMBSTONE_KEY_NOT_KEPT: Final = Event(
    "tombstone_key_not_kept",
    WARNING,
    "no key for forgotten turns can be kept (%(error)s): without ids from the host, a forgotten "
    "turn may come back; set %(variable)s",
)
INDEX_DAMAGED: Final = Event(
    "index_damaged",
    WARNING,
    "a part of the search index is damaged (%(error)s): its turns are not found until it is "
    "rebuilt",
)
TOKEN_CACHE_FAILED: Final = Event(
    "token_cache_failed",
    WARNING,
    "the token cache of session %(session)r fails, pages are encoded again: %(error)s",
)

# ---- background work -----------------------------------------------------------------------------

BACKGROUND_STOPPED: Final = Event(
    "background_stopped",
    WARNING,
    "background work stopped, nothing is lost: %(error_type)s: %(error)s",
)
BACKGROUND_BEHIND: Final = Event(
    "background_behind",
    WARNING,
    "session %(session)r: the oldest page has waited for %(seconds).0f s to be sealed, certified "
    "or faded; nothing is lost, but text is kept longer than it needs to be",
)
PAGE_NOT_CERTIFIED: Final = Event(
    "page_not_certified", WARNING, "page %(page)s of session %(session)r: %(error)s"
)
PAGE_NOT_CONDENSED: Final = Event(
    "page_not_condensed",
    WARNING,
    "page %(page)s of session %(session)r cannot be condensed: %(reason)s",
)
PAGE_OF_OTHER_READER: Final = Event(
    "page_of_other_reader",
    INFO,
    "page %(page)s of session %(session)r was drawn for another reader, which has to certify it",
)
PAGES_LOST: Final = Event(
    "pages_lost",
    WARNING,
    "session %(session)r: %(n_pages)d pages lost their last picture or all but their best "
    "sentences, by the capacity or the policy's term, and more may; `plan` tells before, `stats` "
    "counts them",
)

TURNS_EXPIRED: Final = Event(
    "turns_expired", WARNING, "session %(session)r: %(n_turns)d turns past the term erased"
)

# ---- reading -------------------------------------------------------------------------------------

RECALL_NOT_COUNTED: Final = Event(
    "recall_not_counted", WARNING, "session %(session)r: a recall was not counted: %(error)s"
)
PAGE_NOT_DECODED: Final = Event(
    "page_not_decoded", WARNING, "only exact facts of a page can be read: %(error)s"
)
READING_FAILED: Final = Event("reading_failed", INFO, "a reading by %(reader)s failed: %(reason)s")
PAGE_NOT_READ: Final = Event(
    "page_not_read", WARNING, "%(reader)s could not read a page; its exact facts stay"
)
PAGES_READ_SINGLY: Final = Event(
    "pages_read_singly", INFO, "%(error)s; each page is read by itself"
)
VECTORS_LEFT_OUT: Final = Event(
    "vectors_left_out",
    WARNING,
    "vectors are left out, words alone find these turns: %(error_type)s: %(error)s",
)
RECEIPTS_UNREADABLE: Final = Event(
    "receipts_unreadable", WARNING, "your own receipts open no model: %(error)s"
)

ROW_LEFT_OUT: Final = Event("row_left_out", WARNING, "%(file)s: %(place)s is left out: %(reason)s")

# ---- agents --------------------------------------------------------------------------------------

VERB_FAILED: Final = Event(
    "verb_failed",
    WARNING,
    "%(action)s failed, the agent goes on without it: %(error_type)s: %(error)s",
)
VIEW_FAILED: Final = Event(
    "view_failed",
    WARNING,
    "no view could be made, the model is shown all messages: %(error_type)s: %(error)s",
)
MEMORY_BACK: Final = Event("memory_back", WARNING, "the memory is there again")
PICTURES_REFUSED: Final = Event(
    "pictures_refused", WARNING, "the model refused pictures: from now on it gets text"
)
WINDOW_TOO_SMALL: Final = Event(
    "window_too_small", WARNING, "the newest messages alone are larger than the window"
)
REQUEST_BILLED: Final = Event("request_billed", INFO, "request: %(bill)s")

# ---- operation -----------------------------------------------------------------------------------

TELEMETRY_ABSENT: Final = Event(
    "telemetry_absent",
    WARNING,
    "%(variable)s asks for telemetry, and nothing is measured: %(error)s",
)
HTTP_OPEN_TO_OTHERS: Final = Event(
    "http_open_to_others",
    WARNING,
    "the server listens on %(host)s without a token: whoever reaches it can read and forget "
    "everything; set OPTICAL_MEMORY_MCP_TOKEN, or listen on 127.0.0.1",
    "optical_memory.mcp",
)

EVENTS: Final = tuple(value for value in list(globals().values()) if isinstance(value, Event))
"""All of them, in the order of this file."""
