"""Names and labels in text: which are roles, and which are no speakers at all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optical_memory.turns import Role

__all__ = [
    "is_log_level",
    "is_name",
    "is_nick",
    "is_program",
    "role_of",
    "roles_of_speakers",
]

_PROGRAM_WORDS = """
    ai bard bing bot chatgpt claude copilot cursor deepseek gemini gpt grok llama mistral perplexity
    qwen
"""
_USER_WORDS = """
    user human me you question prompt
    benutzer nutzer usuario usuário utilisateur utente gebruiker пользователь
    用户 我 你 ユーザー あなた 사용자
"""
_ASSISTANT_WORDS = """
    assistant agent model answer response
    assistent asistente assistente ассистент 助手 アシスタント 어시스턴트
"""
_PROGRAMS = frozenset(_PROGRAM_WORDS.split())
_ROLES: dict[str, Role] = {
    **dict.fromkeys(_USER_WORDS.split(), "user"),
    **dict.fromkeys(_ASSISTANT_WORDS.split(), "assistant"),
    **dict.fromkeys(_PROGRAMS, "assistant"),
    "github copilot": "assistant",
    "system": "system",
    "tool": "tool",
}
"""Speakers that are roles, in lower case."""

_MODEL = re.compile(rf"(?:{'|'.join(sorted(_PROGRAMS))})[ \d.-][\w .+-]{{0,30}}")
"""The name of a model after the name of its program: GPT-4o, Claude 3.5 Sonnet."""

_LABEL_WORDS = """
    abstract action address age answers attention author caution cc class command comment conclusion
    content context date day debug default description details email end error example exception
    expected explanation fatal file filename fixme format from fyi hint id image important info
    information input key label language level link location log message method name nb note notes
    output path phone place port price problem ps purpose re reason ref reference references result
    results returns see service size solution source start status step subject summary tags time tip
    title to todo topic total type update url usage value version warn warning why
"""
_LABELS = frozenset(_LABEL_WORDS.split())
"""Words before a colon that name no speaker."""

_LEVELS = frozenset({"critical", "debug", "error", "fatal", "info", "trace", "warn", "warning"})

_ERROR = re.compile(r"[\w.]*(?:Error|Exception|Warning|Fault)|[A-Z][A-Z_\d]{3,}|[\w.]+\.\w+")
"""Classes of errors, constants and names of files, which come again in traces and logs."""

_WORD_OF_NAME = re.compile(r"[^\W\d_a-zа-я][\w.'’-]*|\d{1,4}|(?:van|von|de|da|del|la|bin|al|of)")


def role_of(label: str, *, models: bool = False) -> Role | None:
    """The role that a label names, such as `User` or `Cursor`; None if it names none.

    With `models` the name of a model is a role too: `Claude 3.5 Sonnet`.
    """
    role = _ROLES.get(label.lower())
    if role is None and models and _MODEL.fullmatch(label.lower()):
        return "assistant"
    return role


def is_log_level(label: str) -> bool:
    """The last word is a level that servers write into their logs, such as `ERROR`."""
    return label.rpartition(" ")[2].lower() in _LEVELS


def is_program(label: str) -> bool:
    """The label names a program or a model, not a role of any program."""
    return label.lower() in _PROGRAMS or _MODEL.fullmatch(label.lower()) is not None


def is_name(label: str) -> bool:
    """The label may be a person's name: capital letters, few words, and no word such as `Note`."""
    words = label.split()
    if not 1 <= len(words) <= 4 or _ERROR.fullmatch(label):
        return False
    if any(word.lower().strip(".") in _LABELS for word in words):
        return False
    return all(_WORD_OF_NAME.fullmatch(word) for word in words)


def is_nick(label: str) -> bool:
    """The label may be a name in small letters, such as `ana_92`; less sure than `is_name`."""
    words = label.lower().split()
    return not (_ERROR.fullmatch(label) or len(words) > 2 or _LABELS.intersection(words))


def roles_of_speakers(speakers: Sequence[str], *, are_people: bool = False) -> dict[str, Role]:
    """The role of each speaker of a log, who may speak many times.

    Of two people the first is the user and the second the assistant; of more, all are users. A role
    for a name says who is who, but not if the speakers are people: Claude is a first name too.
    """
    names = list(dict.fromkeys(speakers))
    pairs = [] if are_people else [(name, role_of(name)) for name in names]
    roles = {name: role for name, role in pairs if role is not None}
    if len(names) == 2 and not roles:
        return {names[0]: "user", names[1]: "assistant"}
    default: Role = "assistant" if len(names) == 2 and "user" in roles.values() else "user"
    return {name: roles.get(name, default) for name in names}
