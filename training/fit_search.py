"""Fits the weights of the search on conversations with known evidence, and judges them on others.

    python training/fit_search.py LOCOMO.json BEAM_FOLDER

For each conversation of the first file the weights are fitted on all others (of both files) and
judged on it: a line says for each share of its tokens in how many of the questions any, or all, of
the evidence is chosen. BEAM's chats are judged in folds of three. The last lines are the weights
that were fitted on everything, beside those that are in use (`optical_memory/search/weights.py`),
which were rounded from them by hand, and what those in use find.

The loss is that of a softmax over the units of a question, whose targets are the units of its
evidence; a unit's tokens cost it `TOKEN_WEIGHT` times their logarithm, as they do when a window is
filled.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from optical_memory.counting import count_batch
from optical_memory.measure.finding.question_sets import QuestionSet, read_question_sets
from optical_memory.recall.choose import UNIT_OVERHEAD, choose_units
from optical_memory.recall.find import Ranking, latest_time
from optical_memory.search.build import IndexedTurn, KeyHash, index_turns
from optical_memory.search.candidates import Candidates
from optical_memory.search.index import Index
from optical_memory.search.index_part import IndexPart
from optical_memory.search.meaning import Embedder, open_embedder, unit_vectors
from optical_memory.search.question import Question
from optical_memory.search.score import features
from optical_memory.search.weights import TOKEN_WEIGHT, WEIGHTS
from optical_memory.turns import body

SHARES = (0.25, 0.10, 0.05)
"""Shares of a conversation's tokens at which the weights are judged."""

FOLD = 3
"""Chats of BEAM that are left out together."""

DECAY = 1e-3
"""The weight of the squares of the weights in the loss; 1e-2 and 1e-4 find the same evidence."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question to a conversation: `features` is (n_units, n_features), `is_evidence` (n_units,).

    `turn_ids` are the turns of its evidence, and `unit_turns` the turn of each unit.
    """

    conversation: str
    features: npt.NDArray[np.float64]
    is_evidence: npt.NDArray[np.bool_]
    turn_ids: tuple[str, ...]
    unit_turns: tuple[str, ...]
    candidates: Candidates
    n_tokens: int

    def choice(self, weights: npt.NDArray[np.float64], share: float) -> tuple[bool, bool]:
        """If any, and if all, of the evidence is among the units that fit a share of the tokens."""
        scores = (self.features @ weights).astype(np.float32)
        ranking = Ranking(self.candidates, scores, np.ones(len(scores), np.bool_), margin=np.inf)
        choices = choose_units(ranking, int(share * self.n_tokens))
        ordinals = {choice.ordinal for choice in choices}
        rows = np.isin(self.candidates.ordinals, list(ordinals))
        turns = {self.unit_turns[row] for row in np.flatnonzero(rows)}
        hits = [id in turns for id in self.turn_ids]
        return any(hits), all(hits)


def examples(question_set: QuestionSet, embedder: Embedder | None) -> list[Example]:
    """The questions of a conversation with the features of all of its units."""
    turns = question_set.conversation.turns
    hash_key = KeyHash("00" * 16)
    indexed = [
        IndexedTurn(i, turn.role, turn.name, turn.when, body(turn)) for i, turn in enumerate(turns)
    ]
    index = Index([IndexPart(index_turns(indexed, hash_key, embedder))])
    n_tokens = sum(count_batch(turn.body for turn in indexed))
    ids = [str(turn.id) for turn in turns]
    result: list[Example] = []
    for item in question_set.questions:
        question = Question.of(item.text, latest_time(index))
        days = question.day_ranges(index.first_day, index.last_day)
        keys = [hash_key(key) for key in question.keys]
        candidates = index.candidates(keys, days)
        vector = None
        if embedder is not None:
            vector = unit_vectors(embedder, [item.text])[0].astype(np.float32)
        values = features(candidates, question, vector)
        unit_turns = tuple(ids[ordinal] for ordinal in candidates.ordinals)
        result.append(
            Example(
                conversation=question_set.conversation.id,
                features=np.stack([values[name] for name in names(embedder)], 1).astype(float),
                is_evidence=np.isin(unit_turns, item.turn_ids),
                turn_ids=item.turn_ids,
                unit_turns=unit_turns,
                candidates=candidates,
                n_tokens=n_tokens,
            )
        )
    return result


def names(embedder: Embedder | None) -> list[str]:
    """The features in the order of the weights."""
    return [name for name in WEIGHTS if embedder is not None or not name.startswith("meaning")]


def fit(data: Sequence[Example]) -> npt.NDArray[np.float64]:
    """The weights with the least loss on these questions."""
    weights = torch.zeros(data[0].features.shape[1], dtype=torch.float64, requires_grad=True)
    items = [
        (
            torch.from_numpy(example.features),
            torch.from_numpy(example.is_evidence),
            TOKEN_WEIGHT * torch.log(torch.from_numpy(example.candidates.n_tokens + UNIT_OVERHEAD)),
        )
        for example in data
        if example.is_evidence.any()
    ]
    optimizer = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        total = DECAY * weights.square().sum()
        for values, is_evidence, costs in items:
            ranks = values @ weights - costs
            likelihoods = ranks - torch.logsumexp(ranks, 0)
            total = total - likelihoods[is_evidence].mean() / len(items)
        total.backward()
        return total

    optimizer.step(loss)
    return weights.detach().numpy()


def judge(data: Sequence[Example], weights: Mapping[str, npt.NDArray[np.float64]]) -> str:
    """The share of the questions with any, and with all, evidence, by the share of the tokens."""
    cells: list[str] = []
    for share in SHARES:
        hits = [example.choice(weights[example.conversation], share) for example in data]
        any_share, all_share = np.mean(hits, 0)
        cells.append(f"{share:.0%}: {any_share:.3f} / {all_share:.3f}")
    return "   ".join(cells)


def cross_validate(
    data: Sequence[Example], others: Sequence[Example], fold: int
) -> dict[str, npt.NDArray[np.float64]]:
    """Weights for each conversation, fitted on conversations of other folds and on `others`."""
    ids = list(dict.fromkeys(example.conversation for example in data))
    weights: dict[str, npt.NDArray[np.float64]] = {}
    for start in range(0, len(ids), fold):
        test_ids = ids[start : start + fold]
        train = [example for example in data if example.conversation not in test_ids]
        weights |= dict.fromkeys(test_ids, fit([*train, *others]))
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("locomo", type=Path, help="a file of LoCoMo")
    parser.add_argument("beam", type=Path, help="a folder of BEAM's chats")
    parser.add_argument("--semantic", action="store_true", help="with the packaged vectors")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    embedder = open_embedder("auto") if arguments.semantic else None
    sets = {
        "LoCoMo": read_question_sets(arguments.locomo),
        "BEAM": read_question_sets(arguments.beam),
    }
    data: dict[str, list[Example]] = {}
    for name, question_sets in sets.items():
        data[name] = []
        for question_set in question_sets:
            data[name] += examples(question_set, embedder)
    in_use = np.array([WEIGHTS[name] for name in names(embedder)])
    for name, other, fold in (("LoCoMo", "BEAM", 1), ("BEAM", "LoCoMo", FOLD)):
        weights = cross_validate(data[name], data[other], fold)
        print(f"{name}, {len(data[name])} questions, cross-validated  {judge(data[name], weights)}")
        same = dict.fromkeys(weights, in_use)
        print(f"{name}, {len(data[name])} questions, weights in use   {judge(data[name], same)}")
    fitted = fit([*data["LoCoMo"], *data["BEAM"]])
    for name, value, used in zip(names(embedder), fitted, in_use, strict=True):
        print(f"{name:10s} fitted {value:6.2f}   in use {used:6.2f}")


if __name__ == "__main__":
    main()
