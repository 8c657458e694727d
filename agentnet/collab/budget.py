"""The budget of a run: reserved before a call, settled after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agentnet.contracts.limits import Limits
from agentnet.contracts.usage import Usage
from agentnet.errors import LimitReached


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens and cost that a running call may still use."""

    tokens: int
    cost: float


class Budget:
    """Counts the usage of a run and the reservations of its running calls.

    Each parallel call reserves the most it may use, so that all together cannot exceed the limits. `spent` is the usage
    before an interruption. The limit of `seconds` counts the time in this process, except while the budget is `paused`,
    plus the model time spent before.
    """

    def __init__(self, limits: Limits, spent: Usage | None = None) -> None:
        self.limits = limits
        self.spent = spent or Usage()
        self._seconds_before = self.spent.seconds
        self._started = time.monotonic()
        self._calls = self._tokens = 0
        self._cost = 0.0

    @property
    def seconds_left(self) -> float | None:
        """Wall time until the limit; None without one."""
        if self.limits.seconds is None:
            return None
        return self.limits.seconds - self._seconds_before - (time.monotonic() - self._started)

    @property
    def counts_tokens(self) -> bool:
        """Whether a limit depends on the tokens of a call."""
        return self.limits.tokens is not None or self.limits.cost is not None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock while the run waits for a person."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._started += time.monotonic() - began

    def reserve(self, tokens: int, cost: float) -> Reservation:
        """Reserve one call of at most `tokens` (prompt and reply) and `cost`. Raises `LimitReached`."""
        limits, spent = self.limits, self.spent
        if limits.calls is not None and spent.calls + self._calls + 1 > limits.calls:
            raise LimitReached(f"the limit of {limits.calls} calls is used up; raise limits.calls to continue")
        if limits.tokens is not None and spent.tokens + self._tokens + tokens > limits.tokens:
            left = limits.tokens - spent.tokens - self._tokens
            raise LimitReached(
                f"a call may need {tokens} tokens, {left} of {limits.tokens} are left; raise limits.tokens to continue"
            )
        if limits.cost is not None and spent.cost + self._cost + cost > limits.cost:
            left_cost = limits.cost - spent.cost - self._cost
            raise LimitReached(
                f"a call may cost {cost:.4g}, {left_cost:.4g} of {limits.cost:.4g} is left; "
                "raise limits.cost to continue"
            )
        if (left_seconds := self.seconds_left) is not None and left_seconds <= 0:
            raise LimitReached(f"the limit of {limits.seconds:g} seconds is used up; raise limits.seconds to continue")
        self._calls += 1
        self._tokens += tokens
        self._cost += cost
        return Reservation(tokens, cost)

    def settle(self, reservation: Reservation, used: Usage) -> None:
        """Release a reservation, and count the actual usage."""
        self._calls -= 1
        self._tokens -= reservation.tokens
        self._cost -= reservation.cost
        self.spent = self.spent + used
