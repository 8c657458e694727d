"""Replies as they are told piece by piece, and what those used that were cut before their ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from agentnet.agents import Agent, Turn
from agentnet.agents.metering import billed
from agentnet.collab.budget import Budget
from agentnet.collab.bus import EventBus
from agentnet.contracts.events import TextStreamed
from agentnet.contracts.usage import Usage


class Pieces:
    """Publishes the pieces of a run's replies.

    A reply that is cut has no message that its usage could be in, although its beginning was told: the budget counts
    its prompt, and a token for each piece.
    """

    def __init__(self, run: str, events: EventBus, budget: Budget, *, wanted: bool) -> None:
        self._run, self._events, self._budget, self._wanted = run, events, budget, wanted
        self._told: Counter[str] = Counter()
        """Message → pieces that were told of it."""

    def teller(self, agent: str, id: str) -> Callable[[str], None] | None:
        """Return what publishes the pieces of a message; None if the run does not stream."""
        if not (self._wanted and self._events.wanted):
            return None

        def tell(text: str) -> None:
            self._told[id] += 1
            self._events.publish(TextStreamed(run=self._run, message=id, agent=agent, text=text))

        return tell

    @contextmanager
    def counted(self, agents: Iterable[Agent], turn: Turn, id: str) -> Iterator[None]:
        """Count what a message of some agents used if it is cut in the context."""
        try:
            yield
        except (TimeoutError, asyncio.CancelledError):
            if self._told[id] and self._budget.counts_tokens:
                for agent in agents:
                    most = agent.most(turn)
                    written = min(self._told[id], most.completion_tokens)
                    usage = Usage(calls=1, prompt_tokens=most.prompt_tokens, completion_tokens=written)
                    self._budget.lose(billed(usage, agent.card))
            raise
        finally:
            del self._told[id]
