"""Conversations of published evaluations: LoCoMo, LongMemEval, BEAM, MemoryBank, tau-bench runs.

Turn ids are those to which the evidence of the evaluations refers. Questions are not loaded here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, conversation
from optical_memory.loaders.files import Document, excerpt, get, read_json, stem
from optical_memory.loaders.messages.turns import turns_of
from optical_memory.loaders.times import moment
from optical_memory.turns import Attachment, Role, Turn

__all__ = [
    "beam",
    "is_memorybank",
    "locomo",
    "longmemeval",
    "memorybank",
    "taubench",
]


# ---- LoCoMo --------------------------------------------------------------------------------------


def locomo(source: Any) -> list[Conversation]:
    """LoCoMo JSON: `speaker_a` is the user, `speaker_b` the assistant, both by name; turn ids are
    the `dia_id`s.

    A turn's time is its session's. Pictures are attachments with their machine caption. Raises
    `InputError` for any other data.
    """
    return [_locomo_conversation(item, place) for place, item in _items(source)]


def _locomo_conversation(item: dict[str, Any], place: str) -> Conversation:
    data = get(item, "conversation", dict, place)
    turns = list(_locomo_turns(data, place))
    speakers = {key: data.get(key) for key in ("speaker_a", "speaker_b")}
    return conversation(str(item.get("sample_id") or place), turns, speakers)


def _locomo_turns(data: dict[str, Any], place: str) -> Iterator[Turn]:
    numbers = sorted(int(key.split("_")[1]) for key in data if re.fullmatch(r"session_\d+", key))
    roles: dict[str, Role] = {
        get(data, "speaker_a", str, place): "user",
        get(data, "speaker_b", str, place): "assistant",
    }
    for number in numbers:
        session = f"session_{number}"
        time = moment(data.get(f"{session}_date_time"), f"{place}.{session}_date_time")
        for n, message in enumerate(get(data, session, list, place)):
            turn_place = f"{place}.{session}[{n}]"
            speaker = get(message, "speaker", str, turn_place)
            id = get(message, "dia_id", str, turn_place)
            if speaker not in roles:
                names = " nor ".join(map(repr, roles))
                raise InputError(f"{turn_place}.speaker: {speaker!r} is neither {names}")
            text = get(message, "text", str, turn_place)
            pictures = _locomo_pictures(message, id)
            yield Turn(roles[speaker], text, name=speaker, when=time, id=id, attachments=pictures)


def _locomo_pictures(message: dict[str, Any], id: str) -> tuple[Attachment, ...]:
    caption = message.get("blip_caption")
    urls = message.get("img_url") or ([f"locomo:{id}"] if caption else [])
    if isinstance(urls, str):
        urls = [urls]
    return tuple(Attachment("image", str(url), caption) for url in urls)


# ---- LongMemEval ---------------------------------------------------------------------------------


def longmemeval(source: Any) -> list[Conversation]:
    """LongMemEval JSON: a conversation for each question, named by `question_id`, with its sessions
    in their order.

    Turn n (from 1) of session s has the id `s_n`; a session that occurs again gets `s_n~2`. Raises
    `InputError` for any other data.
    """
    return [_longmemeval_conversation(item, place) for place, item in _items(source)]


def _longmemeval_conversation(item: dict[str, Any], place: str) -> Conversation:
    meta = {key: item.get(key) for key in ("question_type", "question_date")}
    turns = list(_longmemeval_turns(item, place))
    return conversation(str(item.get("question_id") or place), turns, meta)


def _longmemeval_turns(item: dict[str, Any], place: str) -> Iterator[Turn]:
    sessions = get(item, "haystack_sessions", list, place)
    ids = item.get("haystack_session_ids") or [f"session{n}" for n in range(len(sessions))]
    dates = item.get("haystack_dates") or [None] * len(sessions)
    for key, values in (("haystack_session_ids", ids), ("haystack_dates", dates)):
        if not isinstance(values, list):
            raise InputError(f"{place}.{key}: expected a list, found {excerpt(values)}")
    if not len(sessions) == len(ids) == len(dates):
        raise InputError(
            f"{place}: {len(sessions)} sessions, {len(ids)} session ids and {len(dates)} dates"
        )
    occurrences: Counter[str] = Counter()
    for n, (session, session_id, date) in enumerate(zip(sessions, ids, dates, strict=True)):
        id = str(session_id)
        if not isinstance(session, list):
            expected = f"{place}.haystack_sessions[{n}]: expected a list of messages"
            raise InputError(f"{expected}, found {excerpt(session)}")
        occurrences[id] += 1
        suffix = f"~{occurrences[id]}" if occurrences[id] > 1 else ""
        time = str(moment(date, f"{place}.haystack_dates[{n}]") or "")
        messages = [
            _with_time_and_id(message, time, f"{id}_{k}{suffix}")
            for k, message in enumerate(session, 1)
        ]
        yield from turns_of(messages, f"{place}.haystack_sessions[{n}]")


def _with_time_and_id(message: Any, time: str, id: str) -> Any:
    """The message with the id, and with the time if it has none; anything else as it is."""
    if not isinstance(message, dict):
        return message
    return {"created_at": time, **message, "id": id}


# ---- BEAM ----------------------------------------------------------------------------------------


def beam(source: Any) -> list[Conversation]:
    """BEAM `chat.json`: batches of turns. The latest `time_anchor` is a turn's time, its `id` the
    chat id. Raises `InputError` for any other data.
    """
    data = read_json(source)
    name = stem(source)
    if not isinstance(data, list):
        raise InputError(f"{name}: expected a list of batches, found {type(data).__name__}")
    path = source.path if isinstance(source, Document) else source
    if isinstance(path, Path) and name == "chat":
        name = path.resolve().parent.name  # 7/chat.json
    return [conversation(name, turns_of(_beam_messages(data, name), name))]


def _beam_messages(batches: list[Any], place: str) -> list[Any]:
    """The messages of all batches, each with the latest `time_anchor` before it."""
    messages: list[Any] = []
    anchor: Any = ""
    for n, batch in enumerate(batches):
        anchor = _anchor(batch) or anchor
        for exchange in get(batch, "turns", list, f"{place}[{n}]"):
            for message in exchange if isinstance(exchange, list) else [exchange]:
                anchor = _anchor(message) or anchor
                is_object = isinstance(message, dict)
                messages.append({**message, "created_at": anchor} if is_object else message)
    return messages


def _anchor(item: Any) -> Any:
    return item.get("time_anchor") if isinstance(item, dict) else None


# ---- MemoryBank ----------------------------------------------------------------------------------


def is_memorybank(data: Any) -> bool:
    """True if the data is an object of users, each with a history."""
    users = list(data.values()) if isinstance(data, dict) else []
    return bool(users) and all(isinstance(user, dict) and "history" in user for user in users)


def memorybank(source: Any) -> list[Conversation]:
    """MemoryBank JSON: a conversation for each user, named by the user. A turn's time is its day.

    The ids of exchange 3 of a day are `2023-04-27:3q` for the user's query and `2023-04-27:3a` for
    the assistant's response. Raises `InputError` for any other data.
    """
    data = read_json(source)
    name = stem(source)
    if not isinstance(data, dict):
        raise InputError(f"{name}: expected an object of users, found {type(data).__name__}")
    conversations: list[Conversation] = []
    for user, item in data.items():
        turns = list(_memorybank_turns(item, f"{name}.{user}"))
        conversations.append(conversation(user.strip(), turns))
    return conversations


def _memorybank_turns(item: Any, place: str) -> Iterator[Turn]:
    history = get(item, "history", dict, place)
    for day in history:
        time = moment(day, f"{place}.history")
        for n, exchange in enumerate(get(history, day, list, f"{place}.history"), 1):
            exchange_place = f"{place}.history.{day}[{n - 1}]"
            query = get(exchange, "query", str, exchange_place)
            response = get(exchange, "response", str, exchange_place)
            yield Turn("user", query, when=time, id=f"{day}:{n}q")
            yield Turn("assistant", response, when=time, id=f"{day}:{n}a")


# ---- tau-bench -----------------------------------------------------------------------------------


def taubench(source: Any) -> list[Conversation]:
    """tau-bench runs: OpenAI-style messages under `traj`, a conversation for each run, named by
    task and trial. Raises `InputError` for any other data.
    """
    return [_taubench_run(n, item, place) for n, (place, item) in enumerate(_items(source))]


def _taubench_run(n: int, item: dict[str, Any], place: str) -> Conversation:
    name = f"task{item.get('task_id', n)}-trial{item.get('trial', 0)}"
    turns = turns_of(get(item, "traj", list, place), f"{place}.traj")
    return conversation(name, turns, {key: item.get(key) for key in ("task_id", "trial", "reward")})


def _items(source: Any) -> list[tuple[str, dict[str, Any]]]:
    """(place, item) of a list of objects, or of one object."""
    data = read_json(source)
    name = stem(source)
    items = data if isinstance(data, list) else [data]
    if not items:
        raise InputError(f"{name}: no conversation in it; take a file with conversations")
    for n, item in enumerate(items):
        if not isinstance(item, dict):
            raise InputError(f"{name}[{n}]: expected an object")
    return [(f"{name}[{n}]", item) for n, item in enumerate(items)]
