"""How many made-up secrets the guard finds, and how many harmless turns it would change.

    python evals/secret_guard.py [CONVERSATION_FILE ...]

The same is counted for detect-secrets with all its plugins, which is what the guard is made of.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings

from optical_memory.errors import InputError
from optical_memory.loaders import load_file
from optical_memory.redaction.detect import secret_ranges
from optical_memory.turns import body

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.made_secrets import MadeSecret, made_secrets

Find = Callable[[str], list[str]]


def guard(text: str) -> list[str]:
    """The secrets that the guard finds."""
    return [text[start:end] for start, end in secret_ranges(text)]


def all_plugins(text: str) -> list[str]:
    """The secrets that detect-secrets finds in the lines of a text."""
    with default_settings():
        return [item.secret_value or "" for line in text.splitlines() for item in scan_line(line)]


def is_caught(secret: MadeSecret, find: Find) -> bool:
    """True if what is found covers the secret, or so much of it that nobody can use the rest."""
    text = secret.text
    for value in find(text):
        text = text.replace(value, "") if value else text
    return secret.secret not in text


def print_recall(name: str, find: Find) -> None:
    n = Counter(secret.kind for secret in made_secrets())
    caught = Counter(secret.kind for secret in made_secrets() if is_caught(secret, find))
    print(f"\n{name}: {caught.total()} of {n.total()} made-up secrets")
    for kind in n:
        print(f"  {kind:28} {caught[kind]:3} of {n[kind]}")


def turns(files: Sequence[str]) -> Iterator[str]:
    for file in files:
        try:
            conversations = load_file(file).conversations
        except InputError as error:
            print(f"passed over {file}: {error}")
            continue
        for conversation in conversations:
            yield from (body(turn) for turn in conversation.turns)


def print_harmless(name: str, find: Find, texts: Sequence[str]) -> None:
    start = time.process_time()
    n_changed = sum(bool(find(text)) for text in texts)
    seconds = time.process_time() - start
    n_chars = sum(map(len, texts))
    print(f"{name}: changes {n_changed} of {len(texts)} turns, {n_chars / 1e6 / seconds:.1f} MB/s")


def main(files: Sequence[str]) -> None:
    print_recall("the guard", guard)
    print_recall("detect-secrets, all plugins", all_plugins)
    texts = list(turns(files))
    if texts:
        print()
        print_harmless("the guard", guard, texts)
        print_harmless("detect-secrets, all plugins", all_plugins, texts)


if __name__ == "__main__":
    main(sys.argv[1:])
