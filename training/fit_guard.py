"""Fit the weights of the guard: what each sign of injected instructions is worth.

    python training/fit_guard.py --harmless FOLDER [--write]

The payloads are those of `tests/quoting/payloads.json`, the harmless turns those of LoCoMo,
tau-bench, MemoryBank and SpecStory in FOLDER. Half of the conversations are for fitting; the test
is of the other half, which nobody looked at. Each family of payloads is caught, or not, by weights
that were fitted without it. It prints the figures of `docs/hostile_text.md`.
"""

from __future__ import annotations

import argparse
import json
import random
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from optical_memory.loaders import load
from optical_memory.quoting.injection.model import signs_of
from optical_memory.quoting.injection.signs import FORMS, PHRASES, RAW_FORMS

ROOT = Path(__file__).parent.parent
PAYLOADS = ROOT / "tests/quoting/payloads.json"
INSTRUCTIVE = ROOT / "tests/quoting/harmless.json"
WEIGHTS = ROOT / "optical_memory/quoting/injection/weights.json"

NAMES = (*PHRASES, *FORMS, *RAW_FORMS, "decoded", "signs")
N_TEST = 1_000
SEED = 2026  # of the test: drawn once, after the signs were written
L2 = 1e-4
STEPS = 600
RATE = 0.05

Rows = npt.NDArray[np.float64]


def conversations(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """(set, id, texts) of each conversation."""
    files = [("locomo", folder / "locomo_dev3.json"), ("tau", folder / "tau_gpt4o_airline.json")]
    files += [("memorybank", path) for path in sorted((folder / "memorybank").rglob("*.json"))]
    files += [("specstory", path) for path in sorted((folder / "specstory").rglob("*.md"))]
    for name, path in files:
        for chat in load(path):
            texts = [t.text for t in chat.turns if t.role != "system" and t.text.strip()]
            yield name, f"{path.name} {chat.id}", texts


def split(folder: Path) -> tuple[list[str], list[str]]:
    """Harmless texts to fit with, and to test with: no conversation is in both."""
    to_fit: list[str] = []
    to_test: dict[str, list[str]] = {}
    for number, (name, id, texts) in enumerate(conversations(folder)):
        is_test = number == 2 if name == "locomo" else zlib.crc32(id.encode()) % 2
        (to_test.setdefault(name, []) if is_test else to_fit).extend(texts)
    instructive = json.loads(INSTRUCTIVE.read_text("utf-8"))
    rng = random.Random(SEED)
    n_each = (N_TEST - len(instructive)) // len(to_test)
    drawn = [text for name in sorted(to_test) for text in rng.sample(to_test[name], n_each)]
    return to_fit, [*drawn, *instructive]


def rows(text: str) -> Rows:
    """(n, n_names) The signs of each sentence of a text that has any."""
    found = [signs for signs in signs_of(text) if signs]
    values = [[signs.get(name, 0.0) for name in NAMES] for signs in found]
    return np.array(values or [[0.0] * len(NAMES)])


def fit(payloads: Sequence[Rows], harmless: Rows) -> npt.NDArray[np.float64]:
    """(n_names + 1,) Weights, none below 0, and the bias, by logistic regression.

    Of a payload the sentence with most signs counts, of a harmless text each.
    """
    best = np.stack([text[text[:, -1].argmax()] for text in payloads])
    values = np.concatenate([best, harmless])
    values = np.c_[values, np.ones(len(values))]
    labels = np.r_[np.ones(len(best)), np.zeros(len(harmless))]
    share = np.r_[np.full(len(best), 0.5 / len(best)), np.full(len(harmless), 0.5 / len(harmless))]
    weights = np.zeros(len(NAMES) + 1)
    mean = np.zeros_like(weights)
    square = np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        odds = 1 / (1 + np.exp(-values @ weights))
        slope = values.T @ (share * (odds - labels)) + L2 * np.r_[weights[:-1], 0]
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        root = np.sqrt(square / (1 - 0.999**step)) + 1e-8
        weights -= RATE * mean / (1 - 0.9**step) / root
        weights[:-1] = np.maximum(0, weights[:-1])
    return weights


def scores(texts: Sequence[Rows], weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.array([(text @ weights[:-1]).max() + weights[-1] for text in texts])


def threshold_of(harmless: Sequence[Rows], weights: npt.NDArray[np.float64]) -> float:
    """Above all harmless texts, and if that may be half-way to a sign of which nothing is known."""
    worst = float(scores(harmless, weights).max())
    any_sign = float(weights[-2] + weights[-1])
    return (worst + any_sign) / 2 if worst < any_sign else worst + 1e-6


def wilson(n: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson's score."""
    z = 1.96
    share = n / of
    middle = share + z * z / (2 * of)
    reach = z * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return (middle - reach) / scale, (middle + reach) / scale


def told(n: int, of: int) -> str:
    low, high = wilson(n, of)
    return f"{n} of {of} ({n / of:.1%}, 95 % {low:.1%} to {high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--harmless", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    payloads = json.loads(PAYLOADS.read_text("utf-8"))
    kinds = [payload["kind"] for payload in payloads]
    signs = [rows(payload["text"]) for payload in payloads]
    to_fit, to_test = split(options.harmless)
    harmless = [rows(text) for text in to_fit]
    sentences = np.concatenate(harmless)
    test = [rows(text) for text in to_test]
    n_caught = 0
    wrong: set[int] = set()
    for kind in dict.fromkeys(kinds):
        others = [text for text, other in zip(signs, kinds, strict=True) if other != kind]
        held_out = [text for text, other in zip(signs, kinds, strict=True) if other == kind]
        weights = fit(others, sentences)
        threshold = threshold_of(harmless, weights)
        n = int((scores(held_out, weights) >= threshold).sum())
        alarms = np.nonzero(scores(test, weights) >= threshold)[0]
        wrong |= set(alarms.tolist())
        n_caught += n
        print(f"| {kind.replace('_', ' ')} | {told(n, len(held_out))} | {len(alarms)} |")
    print(f"| all | {told(n_caught, len(kinds))} | {len(wrong)} of {len(test)} |")
    weights = fit(signs, sentences)
    threshold = threshold_of(harmless, weights)
    alarms = int((scores(test, weights) >= threshold).sum())
    print(
        f"with all families: {told(int((scores(signs, weights) >= threshold).sum()), len(signs))}"
    )
    print(f"harmless: {told(alarms, len(test))}; fitted with {len(to_fit)} harmless turns")
    if options.write:
        model = {
            "weights": {n: round(float(w), 4) for n, w in zip(NAMES, weights, strict=False)},
            "bias": round(float(weights[-1]), 4),
            "threshold": round(threshold, 4),
        }
        WEIGHTS.write_text(json.dumps(model, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
