"""Files as other programs, disks and people spoil them: keys, values, rows, lines and bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

__all__ = ["mutated"]

MAX_MUTATIONS = 3

ODD_VALUES: list[Any] = [
    *(None, True, 0, -1.5, 10**30, "", " ", "\n", "odd words", "\ud800", "\0", "1735689600"),
    *([], {}, [[]], [None], {"": ""}, {"text": "words in an object"}, ["words in an array"]),
    *({"role": "user"}, {"type": "text"}, {"type": "alien", "payload": "unknown words"}),
]
KEYS = ("role", "content", "text", "type", "id", "name", "messages", "parts", "data", "created_at")
LINES = ("", "???", "{", "[]", "{}", "null", '"words"', "Error: connection closed", "\0", "# Title")


def mutated(raw: bytes, rng: Random) -> bytes:
    """The bytes of a file after one to three mutations."""
    for _ in range(rng.randint(1, MAX_MUTATIONS)):
        rows = _json_rows(raw)
        if rows and rng.random() < 0.7:
            raw = _with_odd_data(raw, rows, rng)
        else:
            raw = rng.choice(BYTE_MUTATIONS)(raw, rng)
    return raw


def _json_rows(raw: bytes) -> list[Any]:
    """The data of a file, or of each of its lines; [] if it is no JSON."""
    try:
        return [json.loads(raw)]
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in raw.split(b"\n") if line.strip()]
    except (ValueError, RecursionError):
        return []


# ---- data ----------------------------------------------------------------------------------------


def _with_odd_data(raw: bytes, rows: list[Any], rng: Random) -> bytes:
    containers = _containers(rows)
    container = rng.choice(containers)
    if isinstance(container, dict):
        rng.choice(OBJECT_MUTATIONS)(container, rng)
    else:
        rng.choice(ARRAY_MUTATIONS)(container, rng)
    indent = rng.choice([None, None, 1])
    texts = [json.dumps(row, ensure_ascii=rng.random() < 0.3, indent=indent) for row in rows]
    return "\n".join(texts).encode("utf-8", "surrogatepass")


def _containers(data: list[Any]) -> list[Any]:
    containers: list[Any] = []
    values: list[Any] = [data]
    while values:
        value = values.pop()
        if isinstance(value, list | dict) and value:
            containers.append(value)
            values += value.values() if isinstance(value, dict) else value
    return containers


def _rename_key(data: dict[str, Any], rng: Random) -> None:
    value = data.pop(rng.choice(list(data)))
    data[rng.choice([*KEYS, "a key with words"])] = value


def _copy_key(data: dict[str, Any], rng: Random) -> None:
    data[rng.choice(KEYS)] = data[rng.choice(list(data))]


def _drop_key(data: dict[str, Any], rng: Random) -> None:
    del data[rng.choice(list(data))]


def _odd_value(data: dict[str, Any], rng: Random) -> None:
    data[rng.choice(list(data))] = rng.choice(ODD_VALUES)


def _wrap_value(data: dict[str, Any], rng: Random) -> None:
    key = rng.choice(list(data))
    data[key] = rng.choice([[data[key]], {"value": data[key]}, {"text": data[key]}])


def _add_key(data: dict[str, Any], rng: Random) -> None:
    data[rng.choice(KEYS)] = rng.choice(ODD_VALUES)


def _drop_item(data: list[Any], rng: Random) -> None:
    del data[rng.randrange(len(data))]


def _copy_item(data: list[Any], rng: Random) -> None:
    data.insert(rng.randint(0, len(data)), rng.choice(data))


def _odd_item(data: list[Any], rng: Random) -> None:
    data[rng.randrange(len(data))] = rng.choice(ODD_VALUES)


def _insert_item(data: list[Any], rng: Random) -> None:
    data.insert(rng.randint(0, len(data)), rng.choice(ODD_VALUES))


def _shuffle(data: list[Any], rng: Random) -> None:
    rng.shuffle(data)


OBJECT_MUTATIONS: list[Callable[[dict[str, Any], Random], None]] = [
    *(_rename_key, _copy_key, _drop_key, _odd_value, _wrap_value, _add_key),
]
ARRAY_MUTATIONS: list[Callable[[list[Any], Random], None]] = [
    *(_drop_item, _copy_item, _odd_item, _insert_item, _shuffle),
]

# ---- bytes ---------------------------------------------------------------------------------------


def _cut(raw: bytes, rng: Random) -> bytes:
    return raw[: rng.randint(0, len(raw))]


def _flip(raw: bytes, rng: Random) -> bytes:
    content = bytearray(raw)
    for _ in range(rng.choice([1, 1, 4])):
        if content:
            content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


def _insert_line(raw: bytes, rng: Random) -> bytes:
    lines = raw.split(b"\n")
    lines.insert(rng.randint(0, len(lines)), rng.choice(LINES).encode())
    return b"\n".join(lines)


def _drop_line(raw: bytes, rng: Random) -> bytes:
    lines = raw.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return b"\n".join(lines)


def _copy_line(raw: bytes, rng: Random) -> bytes:
    lines = raw.split(b"\n")
    lines.insert(rng.randint(0, len(lines)), rng.choice(lines))
    return b"\n".join(lines)


def _windows_lines(raw: bytes, rng: Random) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _repeat(raw: bytes, rng: Random) -> bytes:
    return raw * 2


def _insert_bytes(raw: bytes, rng: Random) -> bytes:
    offset = rng.randint(0, len(raw))
    return raw[:offset] + rng.choice([b"\0", b"\xff", b"\n", b'"', b"[" * 3_000]) + raw[offset:]


BYTE_MUTATIONS: list[Callable[[bytes, Random], bytes]] = [
    *(_cut, _flip, _flip, _insert_line, _drop_line, _copy_line, _windows_lines, _repeat),
    _insert_bytes,
]
