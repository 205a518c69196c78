"""Secrets that nothing but the words around them tells: passwords in assignments, addresses of
databases, headers of requests, and private keys.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

__all__ = [
    "assigned_values",
    "credentials",
    "private_keys",
]

MIN_CHARS = 6
"""A shorter value, such as "none" or "****", is more often a placeholder than a password."""

LONG_CHARS = 30
"""Of a key behind the words "access key" and a blank. AWS has 40."""

_HEX = re.compile(r"[0-9a-fA-F-]+")

# The word ends the name: `db_password` and `x-api-key`, not `password_file` or `token_count`.
_ASSIGNMENT = re.compile(
    r"""(?<![A-Za-z])
    (?P<word>pass(?:word|wd|phrase)?|pwd|pw|secret|token|credentials?|secret_key_base|_auth
        |passwort|kennwort|contrase\u00f1a|mot[ ]de[ ]passe|senha|пароль|密码|密碼|口令|パスワード
        |(?:api|access|auth|account|secret|private|signing|encryption|master|client|storage)[-_ ]?
         (?:key|secret|token|password)
        |[a-z]{2,20}(?:password|secret|apikey|token))
    (?P<close>["'`*\]]{0,3})
    (?:[ \t]?:[ \t]?(?:str|string|bytes)(?=[ \t]?=))?
    [^\S\n]{0,8}
    (?P<sign>:=|=>|==?|[:：]|[是为]|>(?=[^<\n]{6,512}</)|[|](?=[^|\n]{6,512}[|])
       |(?<=[ \t])(?:is|was|ist|lautet|est|es)(?:[ \t]?:)?(?=[ \t])
       |(?<=[ \t])(?=[^\s]{8,512}(?!\S)))
    [*]{0,2}(?P<line>[^\S\n]{0,8}(?:[|>]-?)?[ \t\r]{0,8}\n\s{0,16}(?=\S{6,512}[ \t\r]*(?:\n|\Z)))?
    [^\S\n]{0,8}
    (?:[bfru]{0,2}(?P<quote>["'`])(?P<quoted>[^\s"'`<>\\]{6,512})(?P=quote)
       |["'`*]{0,3}(?P<bare>[^\s"'`<>\\,;)\]}]{6,512}))
    """,
    re.VERBOSE | re.IGNORECASE,
)
_OPTION = re.compile(
    r"(?<!\S)(?:--?(?:password|passwd|pass|token|secret|api-?key)[ =]|-u[ ]?[\w.@-]{1,64}:"
    r"|PGPASSWORD=|MYSQL_PWD=)[\"']?([^\s\"'`<>\\]{6,512})"
)
_SECRET_NAME = r"[\w.-]{0,40}(?:pass(?:word|wd)?|pwd|secret|token|api[-_]?key)"
_LIST_OPTION = re.compile(
    r"""["']--?(?:password|passwd|pass|token|secret|api-?key)["'],\s{0,80}["']([^\s"'`<>\\]{6,512})["']
    |["']-u["'],\s{0,80}["'][\w.@-]{1,64}:([^\s"'`<>\\]{6,512})["']""",
    re.VERBOSE,
)
_NAMED_VALUE = re.compile(
    rf"""\b(?:name|key|id)["']?[ \t]*[:=][ \t]*["']?{_SECRET_NAME}["']?[ \t]?,?\s{{1,80}}
    ["']?value["']?[ \t]*[:=][ \t]*["']?([^\s"'`<>\\,;)\]}}]{{6,512}})""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADER = re.compile(
    r"""(?<![A-Za-z])(?:
        bearer[ \t]+(?=[\w.~+/-]*\d)([\w.~+/-]{16,}=*)
        |authorization["']?[ \t]*[:=][ \t]*["']?(?:basic|token|apikey)[ \t]+([\w.~+/:-]{8,}=*)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_ADDRESS = re.compile(r"://[^\s/:@\"'`<>\\]{0,128}:([^\s/\"'`<>\\]{1,256})@(?=[\w.\[-])")
_TOKEN_ADDRESS = re.compile(r"://((?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,256})@(?=[\w.\[-])")
_KEY_HEAD = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINES = re.compile(
    r"(?:\\[rn]|\n[ \t>+#|*\"']{1,8}|[\sA-Za-z0-9+/=]"
    r"|(?:Proc-Type|DEK-Info|Version|Comment):[^\n]*)*"
)
KEY_CHARS = 32_768
"""Of a key, at most. With 16,384 bits it has 13,000, and more if its lines are quoted."""

_SHARED_KEY = re.compile(r"(?:SharedAccessKey|AccountKey|[?&]sig)=([A-Za-z0-9+/%]{32,}={0,2})")

_PLACEHOLDER = re.compile(
    r"""(?xi)
    [$%{<\[(*]                       # a template, a mask of ours or of others
    | .*(?:[({]|\[(?!secret))        # a call, an index: code
    | (?:your|my|the|this|some|an?|example|placeholder|redacted|hidden|process|os|self|config
        |settings|env|args|request|req|options|props|params|data|user|this)[-_. ]
    | (?:none|null|true|false|undefined|string|str|required|optional|changeme|unknown)\b
    | [*x.•·_-]+$ | .*\.\.\.$ | .*…
    | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b
    | /|https?:|file:|\.\.?/          # a place, not a value
    """
)
_CODE = re.compile(
    r"^[A-Za-z_][\w]*(?:[.:][A-Za-z_]\w*)+[.?!:]*$|^[A-Za-z_]+[.?!:]*$|^[\d.,:%/-]+$"
)


def assigned_values(text: str) -> Iterator[tuple[int, int]]:
    """The ranges of values that a text assigns to a password, a key or a token."""
    for match in _ASSIGNMENT.finditer(text):
        if match["word"].lower() == "pass" and not match["close"] and match["sign"] == ":":
            continue  # a line of a test's report
        is_quoted = match["quoted"] is not None
        if not match["sign"] and not _stands_alone(match):
            continue
        if (match["line"] or match["sign"] == "|") and not _is_mixed(match["bare"] or ""):
            continue
        start, end = match.span("quoted" if is_quoted else "bare")
        if not is_quoted:
            end = start + len(text[start:end].rstrip(".:?*|&"))
        if is_value(text[start:end], is_quoted=is_quoted):
            yield start, end
    for pattern in (_OPTION, _LIST_OPTION, _NAMED_VALUE):
        for match in pattern.finditer(text):
            if is_value(match[match.lastindex or 0], is_quoted=True):
                yield match.span(match.lastindex or 0)


def _stands_alone(match: re.Match[str]) -> bool:
    """True for a value that nothing but a blank parts from the word, and that is no plain word."""
    value = match["bare"] or ""
    is_long = "key" in match["word"].lower() and len(value) >= LONG_CHARS
    is_password = match["word"].lower().startswith(("pass", "pwd"))
    return (is_long or is_password) and _is_mixed(value)


def _is_mixed(value: str) -> bool:
    """True for a value of letters and digits that is no number in hex digits."""
    has_digit = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return has_digit and not _HEX.fullmatch(value)


def is_value(value: str, *, is_quoted: bool) -> bool:
    """True if this looks like a secret and not like a placeholder, code, a number or a word.

    A single word is a secret only in quotes: "password: required" is a sentence.
    """
    if len(value) < MIN_CHARS or _PLACEHOLDER.match(value):
        return False
    if _CODE.match(value):
        is_plain_word = value.isascii() and value.isalpha()
        return is_quoted and is_plain_word and not value.islower() and not value.istitle()
    has_letter = any(map(str.isalpha, value))
    has_other = any(not char.isalpha() for char in value)
    return has_letter and has_other and not _is_name(value)


def _is_name(value: str) -> bool:
    """True for words joined by marks: a name in code, a path, a style such as `text-sm`."""
    return re.fullmatch(r"[A-Za-z]+(?:[-_./:|][A-Za-z]+)*[-_./:|]?", value) is not None


def credentials(text: str) -> Iterator[tuple[int, int]]:
    """The ranges of passwords in addresses, and of tokens in headers of requests."""
    if "://" in text:
        for match in _ADDRESS.finditer(text):
            if not _PLACEHOLDER.match(match[1]):
                yield match.span(1)
        for match in _TOKEN_ADDRESS.finditer(text):
            yield match.span(1)
    for match in _HEADER.finditer(text):
        yield match.span(match.lastindex or 0)
    if "=" in text:
        for match in _SHARED_KEY.finditer(text):
            yield match.span(1)


def private_keys(text: str) -> Iterator[tuple[int, int]]:
    """The ranges of private keys, with the lines that begin and end them.

    Its lines may be quoted, numbered or strings of code. A key without an end goes as far as its
    lines look like those of a key.
    """
    if "PRIVATE KEY" not in text:
        return
    heads = list(_KEY_HEAD.finditer(text))
    ends = [match.end() for match in _KEY_END.finditer(text)]
    next_starts = [*(head.start() for head in heads[1:]), len(text)]
    for head, next_start in zip(heads, next_starts, strict=False):
        i = bisect_left(ends, head.end())
        if i < len(ends) and ends[i] <= min(next_start, head.end() + KEY_CHARS):
            yield head.start(), ends[i]
        else:
            lines = _KEY_LINES.match(text, head.end(), next_start)
            yield head.start(), head.end() if lines is None else lines.end()
