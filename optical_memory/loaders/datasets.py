"""Conversations of published evaluations: LoCoMo, LongMemEval, BEAM and tau-bench runs. Questions
are not loaded here.

Turn ids are what the evidence of those evaluations refers to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.base import Conversation, conversation, get, moment, read_json, stem
from optical_memory.loaders.messages import turns_of
from optical_memory.turns import Attachment, Role, Turn

__all__ = ["beam", "locomo", "longmemeval", "taubench"]


def locomo(source: Any) -> list[Conversation]:
    """LoCoMo JSON: `speaker_a` is the user, `speaker_b` the assistant, both by name; turn ids are
    the `dia_id`s.

    A turn's time is its session's. Pictures are attachments with their machine caption.
    """
    return [
        conversation(
            str(item.get("sample_id") or name),
            list(_locomo_turns(get(item, "conversation", dict, name), name)),
            {key: item["conversation"].get(key) for key in ("speaker_a", "speaker_b")},
        )
        for name, item in _items(source)
    ]


def _locomo_turns(data: dict[str, Any], where: str) -> Iterator[Turn]:
    numbers = sorted(int(key.split("_")[1]) for key in data if re.fullmatch(r"session_\d+", key))
    user, assistant = (get(data, key, str, where) for key in ("speaker_a", "speaker_b"))
    roles: dict[str, Role] = {user: "user", assistant: "assistant"}
    for number in numbers:
        place = f"{where}.session_{number}"
        when = moment(data.get(f"session_{number}_date_time"), f"{place}_date_time")
        for n, said in enumerate(get(data, f"session_{number}", list, where)):
            here = f"{place}[{n}]"
            speaker, id = get(said, "speaker", str, here), get(said, "dia_id", str, here)
            if speaker not in roles:
                raise InputError(
                    f"{here}.speaker: {speaker!r} is neither {user!r} nor {assistant!r}"
                )
            text = get(said, "text", str, here)
            yield Turn(
                roles[speaker],
                text,
                name=speaker,
                when=when,
                id=id,
                attachments=_locomo_pictures(said, id),
            )


def _locomo_pictures(said: dict[str, Any], id: str) -> tuple[Attachment, ...]:
    caption = said.get("blip_caption")
    urls = said.get("img_url") or ([f"locomo:{id}"] if caption else [])
    return tuple(
        Attachment("image", str(url), caption)
        for url in ([urls] if isinstance(urls, str) else urls)
    )


def longmemeval(source: Any) -> list[Conversation]:
    """LongMemEval JSON: one conversation per question, named by `question_id`, its sessions one
    after the other.

    Turn n (from 1) of session s has the id `s_n`; a session that occurs again gets `s_n~2`.
    """
    return [
        conversation(
            str(item.get("question_id") or name),
            list(_longmemeval_turns(item, name)),
            {key: item.get(key) for key in ("question_type", "question_date")},
        )
        for name, item in _items(source)
    ]


def _longmemeval_turns(item: Any, where: str) -> Iterator[Turn]:
    sessions = get(item, "haystack_sessions", list, where)
    ids = item.get("haystack_session_ids") or [f"session{n}" for n in range(len(sessions))]
    dates = item.get("haystack_dates") or [None] * len(sessions)
    if not len(sessions) == len(ids) == len(dates):
        raise InputError(
            f"{where}: {len(sessions)} sessions, {len(ids)} session ids and {len(dates)} dates"
        )
    seen: dict[str, int] = {}
    for n, (session, id, date) in enumerate(zip(sessions, ids, dates, strict=True)):
        seen[id] = seen.get(id, 0) + 1
        again = f"~{seen[id]}" if seen[id] > 1 else ""
        when = str(moment(date, f"{where}.haystack_dates[{n}]") or "")
        messages = [
            {"created_at": when, **message, "id": f"{id}_{k}{again}"}
            if isinstance(message, dict)
            else message
            for k, message in enumerate(session, 1)
        ]
        yield from turns_of(messages, f"{where}.haystack_sessions[{n}]")


def beam(source: Any) -> list[Conversation]:
    """BEAM `chat.json`: batches of turns. The latest `time_anchor` is a turn's time, its `id` the
    chat id.
    """
    data, name = read_json(source), stem(source)
    if not isinstance(data, list):
        raise InputError(f"{name}: expected a list of batches, found {type(data).__name__}")
    if isinstance(source, Path) and name == "chat":
        name = source.resolve().parent.name  # 7/chat.json
    return [conversation(name, turns_of(list(_beam_messages(data, name)), name))]


def _beam_messages(batches: list[Any], where: str) -> Iterator[Any]:
    anchor = ""
    for n, batch in enumerate(batches):
        anchor = batch.get("time_anchor") or anchor if isinstance(batch, dict) else anchor
        for exchange in get(batch, "turns", list, f"{where}[{n}]"):
            for message in exchange if isinstance(exchange, list) else [exchange]:
                anchor = (
                    message.get("time_anchor") or anchor if isinstance(message, dict) else anchor
                )
                yield {**message, "created_at": anchor} if isinstance(message, dict) else message


def taubench(source: Any) -> list[Conversation]:
    """tau-bench runs: OpenAI-style messages under `traj`, one conversation per run, named task and
    trial.
    """
    return [
        conversation(
            f"task{item.get('task_id', n)}-trial{item.get('trial', 0)}",
            turns_of(get(item, "traj", list, name), f"{name}.traj"),
            {key: item.get(key) for key in ("task_id", "trial", "reward")},
        )
        for n, (name, item) in enumerate(_items(source))
    ]


def _items(source: Any) -> list[tuple[str, Any]]:
    """(place, item) of a list of items, or of one."""
    data, name = read_json(source), stem(source)
    items = data if isinstance(data, list) else [data]
    if not items:
        raise InputError(f"{name}: an empty list; expected at least one conversation")
    places = [(f"{name}[{n}]", item) for n, item in enumerate(items)]
    if wrong := [place for place, item in places if not isinstance(item, dict)]:
        raise InputError(f"{wrong[0]}: expected an object")
    return places
