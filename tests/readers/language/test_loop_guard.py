"""The ban on loops: a run of tokens does not come twice within the window."""

from __future__ import annotations

import random

import pytest
import torch

from optical_memory.readers.language.decoder import Guard
from optical_memory.readers.language.loop_guard import WindowedNGramBan, banned_tokens


def plainly_banned(ids: list[int], guard: Guard) -> set[int]:
    """By the definition: a token is banned if with it some run within the window comes twice."""
    n = guard.ngram
    window = ids[max(0, len(ids) - guard.window) :]
    runs = {tuple(window[i : i + n]) for i in range(len(window) - n + 1)}
    newest = ids[len(ids) - n + 1 :]
    return {run[-1] for run in runs if list(run[:-1]) == newest} - set(guard.allowed)


@pytest.mark.parametrize("seed", range(20))
def test_the_ban_is_the_one_it_says_it_is(seed: int) -> None:
    rng = random.Random(seed)
    ids = [rng.randrange(4) for _ in range(rng.randrange(200))]
    guard = Guard(rng.choice([2, 3, 5]), rng.choice([5, 20, 90]), (1,))
    by_definition = plainly_banned(ids, guard) if len(ids) >= guard.ngram else set()
    assert banned_tokens(ids, guard) == by_definition


def test_a_run_outside_the_window_may_come_again() -> None:
    """Log lines repeat: a ban over the whole page would make the reader misread them."""
    ids = [1, 2, 3, *range(10, 60), 1, 2]
    assert banned_tokens(ids, Guard(3, 20, ())) == set()
    assert banned_tokens(ids, Guard(3, 100, ())) == {3}
    assert banned_tokens(ids, Guard(3, 100, (3,))) == set()


def test_one_ban_for_each_row_of_a_batch_and_the_probability_is_kept() -> None:
    ban = WindowedNGramBan([Guard(2, 10, ()), Guard(9, 10, ())])
    logits = torch.eye(8)[6] * 3
    scores = ban(torch.tensor([[5, 6, 5], [5, 6, 5]]), torch.stack([logits, logits]))
    assert scores[0, 6] == -torch.inf
    assert scores[1, 6] == 3
    probability = float(torch.softmax(logits, 0)[6])
    assert ban.probabilities[1] == [pytest.approx(probability)]
    assert ban.probabilities[0][0] < probability


@pytest.mark.parametrize("seed", range(20))
def test_every_row_of_a_batch_has_the_ban_of_its_own_guard(seed: int) -> None:
    rng = random.Random(seed)
    guards = [Guard(rng.choice([1, 2, 3, 5]), rng.choice([2, 5, 20, 90]), (1,)) for _ in range(4)]
    n_ids = rng.randrange(1, 60)
    rows = [[rng.randrange(4) for _ in range(n_ids)] for _ in guards]
    scores = WindowedNGramBan(guards)(torch.tensor(rows), torch.zeros(4, 6))
    for ids, guard, row_scores in zip(rows, guards, scores, strict=True):
        banned = (row_scores == -torch.inf).nonzero()[:, 0].tolist()
        assert set(banned) == banned_tokens(ids, guard)
