"""Lines that name a side of a conversation: `## Prompt:`, `**Cursor**`, `You said:`, `User: hi`.

Answers have headings, rules, bold words and labels too. So the whole file decides: which form of
line names both sides, by which two words, and if a rule or a blank line stands before each of them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from optical_memory.loaders.logs.entries import is_rule
from optical_memory.loaders.logs.fences import lines_outside_fences
from optical_memory.loaders.logs.speakers import is_program, role_of
from optical_memory.loaders.times import moment_or_none
from optical_memory.loaders.written_times import written_time
from optical_memory.turns import Role

__all__ = [
    "SpeakerMark",
    "speaker_marks",
]

_MAX_PREFACE = {"heading": 60, "bold": 60, "bold words": 20, "label": 5}
"""Lines before the first mark: a title, a date, links. A document may have such marks further on,
above all labels.
"""

_MAX_PREFACE_OF_ONE_SIDE = 4
"""Lines before the first mark of a file in which only the user or only the assistant speaks."""

_FORMS = (
    ("heading", re.compile(r"(?P<level>#{1,6}) +(?P<label>\S.*?) *#* *")),
    (
        "bold",
        re.compile(
            r"_?(?P<level>\*\*|__)(?P<label>[^*_\n]{1,80})(?P=level)(?P<colon>:?)_?"
            r"(?: *[-–—@(\[] *(?P<stamp>[^()\[\]\n]{3,40})[)\]]?)? *"
        ),
    ),
    (
        "bold words",
        re.compile(r"(?P<level>\*\*)(?P<label>[^*\n]{1,60})(?::\*\*|\*\*:) +(?P<text>\S.*)"),
    ),
    (
        "label",
        re.compile(r"(?P<level>)(?P<label>[^\W\d_][\w .’'-]{0,40})[:：](?: *(?P<text>\S.*)|\s*)"),
    ),
)
_KINDS_WITH_WORDS = frozenset({"bold words", "label"})
"""The words of the turn begin on the line."""

_MAX_LABEL = 64
_MAX_MARK = 200
"""Characters of a label before a colon, and of a line that is nothing but a mark."""

_LABEL = re.compile(
    r"(?P<label>[^\W\d_][\w .’'+-]*?)(?P<number> ?#?\d{1,4})?(?P<said> said)?"
    r"(?:(?: +[-–—|@·,]| ?[(\[]) *(?P<stamp>[^()\[\]\n]{3,60}?)[)\]]?)?(?P<colon> ?[:：])?"
)
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp]\.?[Mm]\.?)?")


@dataclass(frozen=True, slots=True)
class SpeakerMark:
    """A line that may begin a turn. `form` is all that marks of an exporter have in common."""

    line: int
    kind: str
    form: tuple[object, ...]
    label: str
    role: Role
    stamp: str
    model: str
    text: str
    has_rule: bool
    has_blank: bool


def speaker_marks(lines: Sequence[str]) -> list[SpeakerMark]:
    """The marks of the form that comes first of those that name both sides; [] if none does.

    Marks at the very beginning of a file may name a single side.
    """
    by_form: dict[tuple[object, ...], list[SpeakerMark]] = defaultdict(list)
    for mark in _candidates(lines):
        by_form[mark.form].append(mark)
    series = [_of_speakers(_set_apart(candidates)) for candidates in by_form.values()]
    sides = [marks for marks in series if marks and _is_conversation(lines, marks)]
    return min(sides, key=lambda marks: marks[0].line, default=[])


def _is_conversation(lines: Sequence[str], marks: Sequence[SpeakerMark]) -> bool:
    first = marks[0]
    n_before = sum(bool(line.strip()) for line in lines[: first.line])
    roles = {mark.role for mark in marks}
    if {"user", "assistant"} <= roles:
        return n_before <= _MAX_PREFACE[first.kind]
    if first.kind not in {"heading", "bold"} or not roles & {"user", "assistant"}:
        return False
    return n_before == 0 or (first.has_rule and n_before <= _MAX_PREFACE_OF_ONE_SIDE)


def _candidates(lines: Sequence[str]) -> Iterator[SpeakerMark]:
    last_words = ""  # the last line that is not blank
    last_line = ""
    for n, (line, is_free) in enumerate(lines_outside_fences(lines)):
        mark = _candidate(n, line, last_words, last_line) if is_free else None
        if mark is not None:
            yield mark
        last_words = line if line.strip() else last_words
        last_line = line


def _candidate(n: int, line: str, last_words: str, last_line: str) -> SpeakerMark | None:
    kind, match = _form_of(line)
    if match is None:
        return None
    label = _LABEL.fullmatch(_without_ornaments(match["label"]))
    role = role_of(label["label"].strip(), models=kind != "label") if label else None
    if label is None or role is None:
        return None
    groups = {"text": "", "colon": "", "stamp": "", **match.groupdict(default="")}
    has_colon = bool(label["colon"] or groups["colon"] or kind in _KINDS_WITH_WORDS)
    stamp, model = _stamp_and_model(groups["stamp"] or label["stamp"] or "")
    if groups["stamp"] and not stamp:  # words in brackets after a bold word
        return None
    return SpeakerMark(
        line=n,
        kind=kind,
        form=(kind, match["level"], has_colon, bool(label["said"])),
        label=label["label"].strip(),
        role=role,
        stamp=stamp,
        model=model,
        text=groups["text"],
        has_rule=is_rule(last_words),
        has_blank=not last_line.strip(),
    )


def _form_of(line: str) -> tuple[str, re.Match[str] | None]:
    """The kind of a line that may be a mark, and its match."""
    head = line[:_MAX_LABEL]
    if head.startswith(("#", "*", "_")) or ":" in head or "：" in head:
        for kind, pattern in _FORMS:
            is_short = kind in _KINDS_WITH_WORDS or len(line) <= _MAX_MARK
            match = pattern.fullmatch(line) if is_short else None
            if match is not None:
                return kind, match
    return "", None


def _without_ornaments(label: str) -> str:
    """The label without pictures and signs before it: 👤 User."""
    return re.sub(r"^[^\w]+", "", label.replace("**", "").strip("_ "))


def _stamp_and_model(words: str) -> tuple[str, str]:
    """The words behind a label: a time, or the name of a model."""
    if not words:
        return "", ""
    is_time = _CLOCK.fullmatch(words.strip()) or written_time(words) or moment_or_none(words)
    return (words.strip(), "") if is_time else ("", words.strip())


def _set_apart(candidates: Sequence[SpeakerMark]) -> list[SpeakerMark]:
    """Without lines that lack the rule, or the blank line, that most of the others have."""
    for sign in ("has_rule", "has_blank"):
        rest = candidates[1:]  # nothing need stand before the first
        with_sign = [mark for mark in rest if getattr(mark, sign)]
        if with_sign and 2 * len(with_sign) > len(rest):
            candidates = [candidates[0], *with_sign]
    return list(candidates)


def _of_speakers(candidates: Sequence[SpeakerMark]) -> list[SpeakerMark]:
    """The marks that name the file's speakers: a word for the user and a word for the assistant.

    A model's name may take the place of the assistant's word after the user has spoken. The system
    comes first, and a tool between two marks of the assistant.
    """
    words = {role: _word(candidates, role) for role in ("user", "assistant")}
    marks: list[SpeakerMark] = []
    for n, mark in enumerate(candidates):
        last_role = marks[-1].role if marks else None
        if mark.role == "system":
            is_speaker = last_role is None
        elif mark.role == "tool":
            is_speaker = last_role == "assistant" and _next_role(candidates[n:], words) == last_role
        else:
            is_model = last_role == "user" and is_program(mark.label)
            is_speaker = is_model or mark.label == words[mark.role]
        if is_speaker:
            marks.append(mark)
    return marks


def _next_role(candidates: Sequence[SpeakerMark], words: Mapping[str, str | None]) -> str | None:
    """The role of the first mark with the user's or the assistant's word."""
    return next((mark.role for mark in candidates if mark.label in words.values()), None)


def _word(candidates: Sequence[SpeakerMark], role: str) -> str | None:
    """The commonest label of a role; of labels that are equally common, the first."""
    labels = Counter(mark.label for mark in candidates if mark.role == role)
    return max(labels, key=lambda label: labels[label], default=None)
