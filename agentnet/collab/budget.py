"""The budget of a run, and the allowance that several runs share: reserved before a call, settled after it."""

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


class Allowance:
    """What the runs of one caller may use together, such as what is left of a day; None is unbounded.

    `used` is what they used before. Like a budget, it counts what running calls have reserved.
    """

    def __init__(
        self, what: str, *, tokens: int | None = None, cost: float | None = None, used: tuple[int, float] = (0, 0.0)
    ) -> None:
        """`what` names it in messages, such as ``key ab12cd34 on 2026-01-31``."""
        self.what, self.tokens, self.cost = what, tokens, cost
        self.used_tokens, self.used_cost = used
        self._reserved_tokens, self._reserved_cost = 0, 0.0
        self._lost = Usage()

    @property
    def used_up(self) -> bool:
        """Whether nothing is left for another call."""
        tokens, cost = self.used_tokens + self._reserved_tokens, self.used_cost + self._reserved_cost
        return (self.tokens is not None and tokens >= self.tokens) or (self.cost is not None and cost >= self.cost)

    @property
    def counts_tokens(self) -> bool:
        """Whether it depends on the tokens of a call."""
        return self.tokens is not None or self.cost is not None

    def reserve(self, reservation: Reservation) -> None:
        """Reserve one call. Raises `LimitReached`."""
        tokens = self.used_tokens + self._reserved_tokens + reservation.tokens
        if self.tokens is not None and tokens > self.tokens:
            left = self.tokens - self.used_tokens - self._reserved_tokens
            raise LimitReached(
                f"a call may need {reservation.tokens} tokens, {max(0, left)} of {self.tokens} are left of {self.what}"
            )
        cost = self.used_cost + self._reserved_cost + reservation.cost
        if self.cost is not None and cost > self.cost:
            left_cost = self.cost - self.used_cost - self._reserved_cost
            raise LimitReached(
                f"a call may cost {reservation.cost:.4g}, {max(0.0, left_cost):.4g} of {self.cost:.4g} is left of "
                f"{self.what}"
            )
        self._reserved_tokens += reservation.tokens
        self._reserved_cost += reservation.cost

    def settle(self, reservation: Reservation, used: Usage) -> None:
        """Release a reservation, and count the actual usage."""
        self._reserved_tokens -= reservation.tokens
        self._reserved_cost -= reservation.cost
        self.used_tokens += used.tokens
        self.used_cost += used.cost

    def lose(self, used: Usage) -> None:
        """Count what calls used that were cut: no message has it."""
        self._lost += used
        self.used_tokens += used.tokens
        self.used_cost += used.cost

    def take_lost(self) -> Usage:
        """Return what was lost since the last time, to be charged."""
        lost, self._lost = self._lost, Usage()
        return lost

    def put_back(self, lost: Usage) -> None:
        """Keep what was taken and could not be charged."""
        self._lost += lost


class Budget:
    """Counts the usage of a run and the reservations of its running calls.

    Each parallel call reserves the most it may use, so that all together cannot exceed the limits. `spent` is the usage
    before an interruption. The limit of `seconds` counts the time in this process, except while the budget is `paused`,
    plus the model time spent before. What the run may use is bounded by the `allowance` that it shares, too.
    """

    def __init__(self, limits: Limits, spent: Usage | None = None, allowance: Allowance | None = None) -> None:
        self.limits, self._allowance = limits, allowance
        self.spent = spent or Usage()
        self._seconds_before = self.spent.seconds
        self._started = time.monotonic()
        self._calls = self._tokens = 0
        self._cost = 0.0
        self._lost = Usage()

    @property
    def seconds_left(self) -> float | None:
        """Wall time until the limit; None without one."""
        if self.limits.seconds is None:
            return None
        return self.limits.seconds - self._seconds_before - (time.monotonic() - self._started)

    @property
    def counts_tokens(self) -> bool:
        """Whether a limit depends on the tokens of a call."""
        shared = self._allowance is not None and self._allowance.counts_tokens
        return self.limits.tokens is not None or self.limits.cost is not None or shared

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
        reservation = Reservation(tokens, cost)
        if self._allowance is not None:
            self._allowance.reserve(reservation)
        self._calls += 1
        self._tokens += tokens
        self._cost += cost
        return reservation

    def settle(self, reservation: Reservation, used: Usage) -> None:
        """Release a reservation, and count the actual usage."""
        self._calls -= 1
        self._tokens -= reservation.tokens
        self._cost -= reservation.cost
        self.spent = self.spent + used
        if self._allowance is not None:
            self._allowance.settle(reservation, used)

    def lose(self, used: Usage) -> None:
        """Note what a call used that was cut, so that no message has it."""
        self._lost += used

    def charge_lost(self) -> None:
        """Charge the allowance for what was lost: at an end after which the run does not take those turns again."""
        if self._allowance is not None:
            self._allowance.lose(self._lost)
        self._lost = Usage()
