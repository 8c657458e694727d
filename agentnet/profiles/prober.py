"""`Prober`: asks canaries in the background of live traffic.

::

    a turn ends ─▶ one time in 20 ─▶ wait as long as between turns ─▶ a question with a known answer ─▶ Observation

A canary is a turn like any other: the member's prompt pack, its sampling, a fresh seed, streamed where its work is. It
comes at a moment of its own, and its question is new to the member. Nothing that a member sees says what it is.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from agentnet.agents import Agent, Turn
from agentnet.agents.base import Reply
from agentnet.contracts.bodies import Error, Task
from agentnet.contracts.profiles import Observation
from agentnet.errors import LimitReached, StoreError
from agentnet.logs import logger
from agentnet.network.measuring import ask
from agentnet.profiles import sequential
from agentnet.profiles.asking import observation, outcome_of
from agentnet.profiles.books import UNLABELLED
from agentnet.profiles.members import Profiled
from agentnet.profiles.questions import Known, Questions
from agentnet.store.profiles import Profiles

log = logger("profiles")

LONGEST_WAIT = 5.0
"""Most seconds between a turn and the canary that it makes room for, on average."""
CLOSING_SECONDS = 2.0
"""Seconds that closing waits for canaries that were asked already."""
IN_FLIGHT = 2
"""Canaries that one member may have at a time."""
KEPT_TURNS = 64
"""Turns whose speeds are written down together."""
EXPLORED = 0.25
"""Share of a newcomer's canaries that are spread over all labels; the others go where it is best."""


async def reported(store: Profiles) -> tuple[Known, ...]:
    """Return the questions of runs whose answer was reported right. Raises `StoreError`."""
    return tuple(
        Known(label or UNLABELLED, text, (answer,), "reported outcomes")
        for _, label, text, answer in await store.questions()
    )


def next_label(tried: Mapping[str, tuple[int, int]], floor: float, draw: random.Random) -> str:
    """Return the label of a newcomer's next canary, by its right and wrong answers at each label so far.

    Most often it is the one at which there is most evidence that it is above the floor. The choice looks at no answer
    to come, so the tests of each label hold as if it were the only one.
    """
    if draw.random() < EXPLORED:
        return draw.choice(list(tried))
    return max(tried, key=lambda label: (sequential.above_floor(*tried[label], floor), draw.random()))


class Prober:
    """Watches the turns of a network's members, and asks them canaries. Belongs to one event loop."""

    def __init__(
        self,
        members: Profiled,
        store: Profiles,
        questions: Questions,
        *,
        seed: int | None = None,
        wait: float = LONGEST_WAIT,
    ) -> None:
        """`seed` makes its draws repeatable; None for canaries that nobody can foresee. `wait` is in seconds."""
        self._members, self._store, self._questions = members, store, questions
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()
        self._wait = wait
        self._asking: dict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._asked: set[asyncio.Task[None]] = set()
        """Those whose question is out: closing waits for them."""
        self._turns: list[Observation] = []
        self._last: dict[str, tuple[float, float]] = {}
        """Member → when its last turn ended, and the mean seconds between its turns."""
        self._writing: set[asyncio.Task[None]] = set()

    def taken(self, agent: Agent, turn: Turn, reply: Reply, seconds: float, *, streamed: bool) -> None:
        """Note a turn that a member took in a run. `streamed`: its reply was read piece by piece."""
        seat = self._members.seat(agent.name, reply.served_by)
        stopped = isinstance(reply.body, Error) and reply.body.code == LimitReached.code  # by the run, not by itself
        if seat is None or stopped or not agent.metered:
            return
        usage = reply.usage
        self._turns.append(
            Observation(
                seat=seat,
                source="traffic",
                reply=outcome_of(reply.body),
                time=datetime.now(UTC),
                seconds=seconds,
                prompt_tokens=usage.prompt_tokens,
                tokens=usage.completion_tokens,
                cost=usage.cost,
            )
        )
        if len(self._turns) >= KEPT_TURNS:
            self._start(self._write(), self._writing)
        if turn.role != "solve" or outcome_of(reply.body) == "failed":
            return
        wait = self._pace(agent.name)
        if self._random.random() < self._members.share(agent.name) and len(self._asking[agent.name]) < IN_FLIGHT:
            self._start(self._probe(agent, turn, wait, streamed=streamed), self._asking[agent.name])

    async def idle(self) -> None:
        """Wait until no canary is on its way, and all turns so far are written down."""
        while tasks := [*self._writing, *(task for tasks in self._asking.values() for task in tasks)]:
            await asyncio.wait(tasks)
        await self._write()

    async def close(self) -> None:
        """Write down what is known. Canaries that were asked may still be answered for a moment; others are dropped."""
        waiting = [task for tasks in self._asking.values() for task in tasks]
        for task in waiting:
            if task not in self._asked:
                task.cancel()
        if self._asked:
            await asyncio.wait(list(self._asked), timeout=CLOSING_SECONDS)
        for task in waiting:
            task.cancel()
        if tasks := [*waiting, *self._writing]:
            await asyncio.wait(tasks)
        await self._write()

    def _pace(self, name: str) -> float:
        """Return a random wait, distributed like the seconds between the turns of a member."""
        now = time.monotonic()
        before, mean = self._last.get(name, (now, self._wait))
        mean += 0.2 * (min(now - before, self._wait) - mean)
        self._last[name] = now, mean
        return self._random.expovariate(1 / mean) if mean > 0 else 0.0

    async def _probe(self, agent: Agent, live: Turn, wait: float, *, streamed: bool) -> None:
        """Ask one canary, in the form of a live turn."""
        await asyncio.sleep(wait)
        current = asyncio.current_task()
        assert current is not None
        try:
            known = await self._question(agent.name)
            if known is None:
                return
            self._asked.add(current)
            await self._put(agent, live, known, streamed=streamed)
        except StoreError as error:
            log.warning("a canary for %s is lost: %s", agent.name, error)
        finally:
            self._asked.discard(current)

    async def _question(self, name: str) -> Known | None:
        """Return a question that a member gets to know now, and did not know before."""
        seat = self._members.seat(name)
        if seat is None:
            return None
        knows = await self._store.asked(seat)
        self._questions.reported = await reported(self._store)
        label = self._label(name)
        known = self._questions.draw(label, knows) or self._questions.draw(None, knows)
        return known if known is not None and await self._store.reserve(seat, known.digest) else None

    def _label(self, name: str) -> str | None:
        """Return the label of the next canary: of a newcomer, most often the one at which it is best."""
        labels = sorted(self._questions.labels)
        if not labels:
            return None
        newcomers = [profile for profile in self._members.seats(name) if profile.standing == "probation"]
        if not newcomers:
            return self._random.choice(labels)
        known = newcomers[0].labels
        tried = {label: known[label].tried if label in known else (0, 0) for label in labels}
        return next_label(tried, self._members.rules.floor, self._random)

    async def _put(self, agent: Agent, live: Turn, known: Known, *, streamed: bool) -> None:
        turn = Turn(
            role="solve",
            task=Task(text=known.text, label=known.label if live.task.label is not None else None),
            sampling=live.sampling,
            format=live.format,
            seed=self._random.getrandbits(32),
            confidence=live.confidence,
        )
        asked = await ask(agent, turn, stream=streamed)
        served = None if asked.reply is None else asked.reply.served_by
        seat = self._members.seat(agent.name, served)
        if seat is None:
            return
        found = observation(
            asked, seat, "canary", label=known.label, question=known.digest, suite=known.suite, is_right=known.is_right
        )
        await self._members.record([found])

    async def _write(self) -> None:
        turns, self._turns = self._turns, []
        if turns:
            with suppress(StoreError):  # speeds and failures of a while are missing then
                await self._members.record(turns)

    def _start(self, work: Coroutine[object, object, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work, name="agentnet-canary")
        tasks.add(task)
        task.add_done_callback(tasks.discard)
