"""A conversation as the baselines write it: a line for each day, and a line for each turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from optical_memory.counting import count_batch
from optical_memory.measure.finding.window import Window
from optical_memory.turns import Turn, call_text

__all__ = [
    "Transcript",
    "plain_text",
]


class Transcript:
    """The turns with what each costs: "[8 May 2023]" for a day, and "Name: text" for a turn.

    `texts` are the turns as they are written. `n_tokens` is the cost of the turns' own words, of
    which budgets are shares.
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = turns
        bodies = [plain_text(turn) for turn in turns]
        self.n_tokens = sum(count_batch(bodies))
        names = [turn.name or turn.role for turn in turns]
        self.texts = [f"{name}: {text}" for name, text in zip(names, bodies, strict=True)]
        self._days = [turn.when.date() if turn.when else None for turn in turns]
        self._runs = _run_numbers(self._days)
        self._costs = count_batch(f"{text}\n" for text in self.texts)
        different_days = list(dict.fromkeys(self._days))
        day_costs = count_batch(_day_line(day) for day in different_days)
        costs_by_day = dict(zip(different_days, day_costs, strict=True))
        self._day_costs = [costs_by_day[day] for day in self._days]
        self._least_cost = min(self._costs, default=0)

    def fill(self, numbers: Iterable[int], budget: int) -> Window:
        """The turns with these numbers, the first of which count most, as far as they fit.

        They stand in the window in the order of time.
        """
        choice = self.choose(numbers, budget)
        text = self.write(choice)
        number_by_run = {self._runs[number]: number for number in choice}
        # A token may go over the end of a line: the sum is never less than the text costs.
        n_tokens = sum(self._costs[number] for number in choice)
        n_tokens += sum(self._day_costs[number] for number in number_by_run.values())
        return Window((text,) if text else (), n_tokens)

    def choose(self, numbers: Iterable[int], budget: int) -> list[int]:
        """Of these numbers, the first of which count most, those that fit; in order of time."""
        budget_left = budget
        runs: set[int] = set()
        choice: set[int] = set()
        for number in numbers:
            if budget_left < self._least_cost:
                break
            run = self._runs[number]
            cost = self._costs[number] + (0 if run in runs else self._day_costs[number])
            if number not in choice and cost <= budget_left:
                choice.add(number)
                runs.add(run)
                budget_left -= cost
        return sorted(choice)

    def ids(self, numbers: Iterable[int]) -> list[str]:
        """The ids of the turns with these numbers."""
        return [self.turns[number].id or "" for number in numbers]

    def write(self, numbers: Sequence[int]) -> str:
        """These turns as text."""
        lines: list[str] = []
        day: date | None = None
        for number in numbers:
            if self._days[number] != day:
                day = self._days[number]
                lines.append(_day_line(day))
            lines.append(f"{self.texts[number]}\n")
        return "".join(lines)


def plain_text(turn: Turn) -> str:
    """A turn's text, calls and captions; what is only a reference to a picture is left out.

    >>> from optical_memory.turns import Attachment
    >>> plain_text(Turn("user", "look", attachments=(Attachment("image", "a.png", "two cats"),)))
    'look\\n[image: two cats]'
    """
    parts = [turn.text] if turn.text else []
    parts += [call_text(call) for call in turn.tool_calls]
    parts += [f"[{item.kind}: {item.caption}]" for item in turn.attachments if item.caption]
    return "\n".join(parts)


def _run_numbers(days: Sequence[date | None]) -> list[int]:
    """For each turn, the number of its run of turns on the same day."""
    numbers: list[int] = []
    number = 0
    for i, day in enumerate(days):
        number += i > 0 and day != days[i - 1]
        numbers.append(number)
    return numbers


def _day_line(day: date | None) -> str:
    return f"[{day.day} {day:%B %Y}]\n" if day else ""
