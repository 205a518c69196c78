"""Every regular expression of the package, and texts that make a careless pattern backtrack."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import optical_memory

__all__ = [
    "Attack",
    "PackagePattern",
    "attacks",
    "package_patterns",
]

ROOT = Path(optical_memory.__file__).parent
METHODS = {"search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"}
REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
SIGNS = (
    *" \t\n\r",
    *"aAzZ059-_.,:;/<>[](){}\"'\\`*#=@|+~!?%&$",
    *("é", "中", "年", "\u0301", "\u200f", "ا", "\0"),
)
ENDS = ("", "\x01", "\n!", " ", "a")
OFTEN = 3
"""A part that may come more often than this can be repeated for long."""


class PackagePattern(NamedTuple):
    """A pattern, the module and name it has, and the methods that the package calls it by."""

    place: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


class Attack(NamedTuple):
    """A text: `head`, then `pump` again and again, then `end`."""

    head: str
    pump: str
    end: str

    def text(self, n: int, *, is_bytes: bool) -> Any:
        text = self.head + self.pump * (n // len(self.pump)) + self.end
        return text.encode() if is_bytes else text


# ---- the patterns --------------------------------------------------------------------------------


def package_patterns() -> list[PackagePattern]:
    """Patterns that modules hold, and those that stand in calls of `re`, each once."""
    uses = _uses()
    patterns: dict[tuple[Any, int], PackagePattern] = {}
    for name in _modules():
        module = importlib.import_module(name)
        for attribute, value in vars(module).items():
            for pattern in _patterns_in(value):
                is_own = value is pattern
                methods = frozenset(uses[name, attribute]) if is_own else frozenset()
                place = f"{name}.{attribute}"
                key = (pattern.pattern, pattern.flags)
                old = patterns.get(key, PackagePattern(place, pattern, frozenset()))
                patterns[key] = PackagePattern(old.place, pattern, old.methods | methods)
    for path, call in _calls():
        pattern = re.compile(call.args[0].value)  # type: ignore[attr-defined]
        key = (pattern.pattern, pattern.flags)
        method = call.func.attr  # type: ignore[attr-defined]
        methods = frozenset({method} & METHODS)
        if method != "compile":
            patterns.setdefault(key, PackagePattern(f"{path}:{call.lineno}", pattern, methods))
    return list(patterns.values())


def _modules() -> list[str]:
    infos = pkgutil.walk_packages([str(ROOT)], "optical_memory.")
    return [info.name for info in infos if not info.name.endswith("__main__")]


def _patterns_in(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 4 and isinstance(value, dict | list | tuple | set | frozenset):
        items = [*value.keys(), *value.values()] if isinstance(value, dict) else list(value)
        for item in items:
            yield from _patterns_in(item, depth + 1)
    elif depth < 4 and hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        for field in value.__dataclass_fields__:
            yield from _patterns_in(getattr(value, field, None), depth + 1)


def _nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield str(path.relative_to(ROOT)), node


def _uses() -> dict[tuple[str, str], set[str]]:
    """The methods by which each module calls each name: `NAME.search(…)`."""
    uses: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path, node in _nodes():
        module = "optical_memory." + path.removesuffix(".py").replace("/", ".")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            uses[module, node.value.id] |= {node.attr} & METHODS
    return uses


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Calls such as `re.sub("…", …)`."""
    for path, node in _nodes():
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield path, node


# ---- attacks -------------------------------------------------------------------------------------


def attacks(pattern: re.Pattern[Any]) -> set[Attack]:
    """Repetitions of single signs, and of the parts of a pattern that may be repeated.

    Each stands alone and after the beginning of a match, with ends that no match has.
    """
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE & ~re.DEBUG)
    found = {Attack("", sign, end) for sign in SIGNS for end in ("", "\x01")}
    parts = set(_repeated_parts(tree, ""))
    whole = _sample(tree)
    for head, pump in parts:
        for text in {pump, head + pump, head, whole} - {""}:
            found.update(Attack(start, text, end) for start in {"", head} for end in ENDS)
    heads = sorted({head for head, _ in parts})[:12]
    for head in heads:
        for sign in " \t\na0-.,:[(<\"'":
            found.update({Attack(head, sign, "\x01"), Attack("", head + sign, "\x01")})
    return found


def _repeated_parts(tree: Any, head: str) -> Iterator[tuple[str, str]]:
    """(what comes before, the part) of everything that may be repeated for long."""
    for node in tree:
        kind = str(node[0])
        for branch in _branches(node):
            if kind in REPEATS and node[1][1] > OFTEN:
                yield head, _sample(branch)
                yield from ((head, _sample(part)) for part in _choices(branch))
            yield from _repeated_parts(branch, head)
        head += _sample([node])


def _choices(tree: Any) -> Iterator[Any]:
    for node in tree:
        branches = _branches(node)
        if len(branches) > 1:
            yield from branches
        for branch in branches:
            yield from _choices(branch)


def _branches(node: Any) -> list[Any]:
    kind = str(node[0])
    value = node[1]
    if kind in REPEATS:
        return [value[2]]
    if kind == "SUBPATTERN":
        return [value[3]]
    if kind == "ATOMIC_GROUP":
        return [value]
    if kind in ("ASSERT", "ASSERT_NOT"):
        return [value[1]]
    return list(value[1]) if kind == "BRANCH" else []


def _sample(tree: Any) -> str:
    """A text that the tree matches, mostly."""
    texts: list[str] = []
    for node in tree:
        kind = str(node[0])
        value = node[1]
        if kind == "LITERAL":
            texts.append(chr(value))
        elif kind == "NOT_LITERAL":
            texts.append("b" if value == ord("a") else "a")
        elif kind == "IN":
            texts.append(_sign(value))
        elif kind in REPEATS:
            texts.append(_sample(value[2]) * max(value[0], min(1, value[1])))
        elif kind in ("SUBPATTERN", "ATOMIC_GROUP", "BRANCH"):
            texts.append(_sample(_branches(node)[0]))
        elif kind in ("ANY", "CATEGORY"):
            texts.append("a")
    return "".join(texts)


def _sign(items: Any) -> str:
    """A sign of a class such as `[a-z]` or `[^"]`."""
    signs = re.compile(f"[{re.escape(''.join(SIGNS))}]")
    is_negated = str(items[0][0]) == "NEGATE"
    for sign in (*"a0 .-b", *SIGNS):
        if signs.match(sign) and _has(items, sign) != is_negated:
            return sign
    kind, value = items[-1]
    if str(kind) == "LITERAL":
        return chr(value)
    return chr(value[0]) if str(kind) == "RANGE" else "a"


def _has(items: Any, sign: str) -> bool:
    return any(_is_of(item, sign) for item in items if str(item[0]) != "NEGATE")


def _is_of(item: Any, sign: str) -> bool:
    kind = str(item[0])
    if kind == "LITERAL":
        return ord(sign) == item[1]
    if kind == "RANGE":
        return item[1][0] <= ord(sign) <= item[1][1]
    name = str(item[1])
    classes = {"DIGIT": sign.isdigit(), "SPACE": sign.isspace()}
    classes["WORD"] = sign.isalnum() or sign == "_"
    is_in = classes[name.rpartition("_")[2]]
    return not is_in if "_NOT_" in name else is_in
