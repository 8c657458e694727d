"""Runs that wait for people: they keep no place meanwhile, and are put away where it takes long, or they are many.

A run that is put away is interrupted. The person's words resume it, hours later too, and so does a server that starts.
"""

from __future__ import annotations

from agentnet.contracts.questions import Question
from agentnet.contracts.serving import Caller
from agentnet.coordinator.coordinator import Answering
from agentnet.serving.access.places import Place
from agentnet.serving.live import LiveRun

PATIENCE_SECONDS = 3600.0
"""Seconds that a run waits for a person before it is put away."""


class Patience:
    """How runs wait for people. Of one caller, as many wait as may go on at the same time: a further one puts the one
    away that has waited longest."""

    def __init__(self, seconds: float = PATIENCE_SECONDS) -> None:
        self._seconds = seconds
        self._waiting: dict[str, list[LiveRun]] = {}

    def answering(self, live: LiveRun, caller: Caller, place: Place) -> Answering:
        """Return what asks a person for a run that has a place."""

        async def ask(question: Question) -> str | None:
            place.give_up()
            waiting = self._waiting.setdefault(caller.id, [])
            if len(waiting) >= caller.limits.runs:
                waiting.pop(0).put_off()
            waiting.append(live)
            try:
                words = await live.ask(question, self._seconds)
            finally:
                if live in waiting:
                    waiting.remove(live)
                if not waiting:
                    self._waiting.pop(caller.id, None)
            if words is not None:
                await place.take()
            return words

        return ask
