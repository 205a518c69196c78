"""Keeps passwords out of messages, which people paste into bug reports."""

from __future__ import annotations

import re

__all__ = ["hide_password", "printable_url"]

_URL = re.compile(r"(?P<scheme>[\w+.-]*:(?://)?)?(?P<rest>.*)", re.DOTALL)
# A server that does not know AUTH or HELLO answers with the arguments of the command in quotes.
_QUOTED_ARGUMENTS = re.compile(r"(args beginning with:).*", re.DOTALL)
_HIDDEN = "…"


def printable_url(url: str) -> str:
    """The URL if it can hold no password, else only its scheme.

    Nothing finer would do: if the URL is malformed, nobody knows where its password ends.
    """
    match = _URL.fullmatch(url)
    assert match is not None  # it matches any text
    holds_password = any(mark in match["rest"] for mark in ":@?")
    return f"{match['scheme'] or ''}{_HIDDEN}" if holds_password else url


def hide_password(error: BaseException, password: str | None) -> None:
    """Take the password out of the messages of an error and of all errors that led to it."""
    link: BaseException | None = error
    while link is not None:
        link.args = tuple(
            _without(password, arg) if isinstance(arg, str) else arg for arg in link.args
        )
        link = link.__cause__ or link.__context__


def _without(password: str | None, message: str) -> str:
    message = _QUOTED_ARGUMENTS.sub(rf"\1 {_HIDDEN}", message)
    return message.replace(password, _HIDDEN) if password else message
