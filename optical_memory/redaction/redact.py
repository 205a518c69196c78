"""Redaction: a function from a turn to the turn that may be kept, or to none.

It runs before a turn is compared, stored, indexed, drawn or encoded. The same turn gives the same
answer every time and in every process, so that a host's list is recognised.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal, get_args

from optical_memory.errors import InputError, require_word
from optical_memory.redaction.masks import MaskOf, mask_name, mask_named, masked_json, masked_text
from optical_memory.turns import Attachment, ToolCall, Turn, valid_turn

__all__ = [
    "NO_REDACTION",
    "Redact",
    "Redaction",
    "SecretPolicy",
    "names_of_process",
    "open_redaction",
]

SecretPolicy = Literal["mask", "drop"]
"""What becomes of a turn with a secret: the secret is masked, or the turn is kept out."""

KEPT_OUT = "[kept out: it had a secret]"
"""In place of the words of a call or result that are kept out. The turn stays: a call without its
result, or a result without its call, is refused by the models that are shown it.
"""

Redact = Callable[[Turn], Turn | None] | SecretPolicy | None
"""A function of the caller, or the guard against secrets by its policy; None keeps all turns."""

NameOf = Callable[[str], str | None]
"""Gives the name of a secret's mask; None if it can have none."""


class Redaction:
    """What may be kept of turns, questions and ids. Without a function, all of it.

    `n_kept_out` counts the turns that were kept out.
    """

    def __init__(
        self,
        function: Callable[[Turn], Turn | None] | None = None,
        mask_of: MaskOf | None = None,
    ) -> None:
        self._function = function
        self._mask_of = mask_of
        self.n_kept_out = 0

    def turn(self, turn: Turn) -> Turn | None:
        """The turn that may be kept, None to keep it out.

        Raises `InputError` if the function raises, or gives anything else: then nothing is kept.
        """
        if self._function is None:
            return turn
        try:
            kept_turn = self._function(turn)
        except Exception as error:
            name = type(error).__name__
            raise InputError(f"redact raised {name}: nothing was remembered") from error
        if kept_turn is not None and not isinstance(kept_turn, Turn):
            name = type(kept_turn).__name__
            raise InputError(f"redact must give a turn or None, not {name}")
        return kept_turn

    def turns(self, turns: Iterable[Turn]) -> list[Turn | None]:
        """What may be kept of each turn; turns that are kept out are counted."""
        kept_turns = [self.turn(turn) for turn in turns]
        self.n_kept_out += sum(turn is None or turn.text == KEPT_OUT for turn in kept_turns)
        return kept_turns

    def query(self, query: str) -> str:
        """The question as the turns that it asks for were kept; empty if nothing of it may be."""
        if self._mask_of is not None:
            return masked_text(query, self._mask_of)
        turn = self.turn(Turn("user", query))
        return "" if turn is None else turn.text

    def id(self, id: str) -> str:
        """The id under which a turn with this id was kept."""
        return id if self._mask_of is None else masked_text(id, self._mask_of, by_words=False)


NO_REDACTION = Redaction()

_PROCESS_KEY = secrets.token_bytes(32)
"""Names masks that are not kept; as long as the digest (RFC 2104)."""


def names_of_process(secret: str) -> str:
    """The name of a secret's mask for as long as this process runs."""
    text = secret.encode("utf-8", "surrogatepass")
    return mask_name(hmac.digest(_PROCESS_KEY, text, "sha256"))


def open_redaction(redact: object, name_of: NameOf) -> Redaction:
    """The redaction of a session. `name_of` gives a secret's mask its name.

    Raises `InputError` for anything else than a `Redact`, `MissingExtra` if the guard is asked for
    and detect-secrets is not installed.
    """
    if redact is None:
        return NO_REDACTION
    if callable(redact):
        return Redaction(redact)
    if not isinstance(redact, str):
        raise InputError(
            f"redact must be 'mask', 'drop' or a function of a turn, not {type(redact).__name__}"
        )
    require_word("redact", redact, get_args(SecretPolicy))
    from optical_memory.redaction.detect import require_detector

    require_detector()

    def mask_of(secret: str) -> str:
        return mask_named(name_of(secret))

    def with_masks(turn: Turn) -> Turn:
        return masked_turn(turn, mask_of)

    def without_secrets(turn: Turn) -> Turn | None:
        masked = masked_turn(turn, mask_of)
        if masked == valid_turn(turn):
            return turn
        return without_words(masked) if turn.role == "tool" or turn.tool_calls else None

    return Redaction(with_masks if redact == "mask" else without_secrets, mask_of)


def without_words(turn: Turn) -> Turn:
    """A call of tools, or a result, without anything but names and ids."""
    calls = tuple(replace(call, arguments="{}") for call in turn.tool_calls)
    return replace(turn, text=KEPT_OUT, tool_calls=calls, attachments=())


def masked_turn(turn: Turn, mask_of: MaskOf) -> Turn:
    """The turn with a mask in place of each secret in any of its texts.

    Ids and names have no words around them, so only secrets with a form of their own count there.
    Raises `InputError` if a field has another type than it says.
    """
    turn = valid_turn(turn)

    def short(text: str | None) -> str | None:
        return None if text is None else masked_text(text, mask_of, by_words=False)

    def words(text: str) -> str:
        has_escapes = "\\" in text and text.lstrip()[:1] in ("{", "[", '"')
        return masked_json(text, mask_of) if has_escapes else masked_text(text, mask_of)

    calls = tuple(
        ToolCall(short(call.name) or "", masked_json(call.arguments, mask_of), short(call.id))
        for call in turn.tool_calls
    )
    attachments = tuple(
        Attachment(
            item.kind, words(item.ref), None if item.caption is None else words(item.caption)
        )
        for item in turn.attachments
    )
    return replace(
        turn,
        text=words(turn.text),
        name=short(turn.name),
        id=short(turn.id),
        tool_calls=calls,
        tool_call_id=short(turn.tool_call_id),
        attachments=attachments,
    )
