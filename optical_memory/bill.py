"""The bill: tokens of requests as handed over, beside the cost of the whole history."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = [
    "Bill",
]


@dataclass(frozen=True, slots=True)
class Bill:
    """Tokens of one request, or of many: bills can be added.

    >>> print(Bill(1, 3_812, 41_200))
    3,812 tokens in 1 request; with the whole history 41,200 (10.8x)

    `n_tokens` were handed over, `n_history_tokens` is the cost of the same requests with the whole
    history; both are our counts. The other fields are the provider's counts, 0 if it tells none:
    `n_input_tokens` is its whole input, with the tokens that it read from its cache
    (`n_cache_read_tokens`) or wrote to it (`n_cache_write_tokens`).
    """

    n_requests: int = 0
    n_tokens: int = 0
    n_history_tokens: int = 0
    n_input_tokens: int = 0
    n_cache_read_tokens: int = 0
    n_cache_write_tokens: int = 0

    @property
    def ratio(self) -> float:
        """The cost with the whole history, over the cost as handed over."""
        return self.n_history_tokens / max(1, self.n_tokens)

    def __add__(self, other: Bill) -> Bill:
        names = [field.name for field in fields(self)]
        return Bill(*(getattr(self, name) + getattr(other, name) for name in names))

    def __str__(self) -> str:
        requests = "1 request" if self.n_requests == 1 else f"{self.n_requests:,} requests"
        line = (
            f"{self.n_tokens:,} tokens in {requests}; "
            f"with the whole history {self.n_history_tokens:,} ({self.ratio:.1f}x)"
        )
        if self.n_cache_read_tokens or self.n_cache_write_tokens:
            line += (
                f"; cache: {self.n_cache_read_tokens:,} read, {self.n_cache_write_tokens:,} written"
            )
        return line
