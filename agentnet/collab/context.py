"""A run in progress: what the nodes of its graph use to ask agents and to record what is said.

It is LangGraph's runtime context, never part of the checkpointed state: the state holds message ids, this holds the
messages. Whatever is recorded has a deterministic id, so a turn that is executed again after a crash is found there.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from agentnet.agents import Agent, Reply, Turn
from agentnet.collab.budget import Budget, Reservation
from agentnet.collab.bus import EventBus
from agentnet.contracts.bodies import Assignment, Body, Error, Task, answer_of
from agentnet.contracts.events import MessageSaid, TextStreamed, TurnStarted
from agentnet.contracts.messages import Message, message_id
from agentnet.contracts.protocols import BEST
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.errors import AgentNetError, LimitReached
from agentnet.network import Network
from agentnet.prompts.transcript import readable


class Recorder(Protocol):
    """Where messages go. Returns the message as stored: with its sequence, and the earlier one if the id is known."""

    async def append(self, message: Message) -> Message: ...


@dataclass(eq=False)
class RunContext:
    """One run, alive in this process. `said` is what the run had recorded before, if it was interrupted."""

    run: str
    network: Network
    seed: int
    budget: Budget
    said: InitVar[Iterable[Message]] = ()
    recorder: Recorder | None = None
    events: EventBus = field(default_factory=EventBus)
    stream_text: bool = False
    """Publish replies piece by piece as they are written."""
    messages: dict[str, Message] = field(init=False)

    def __post_init__(self, said: Iterable[Message]) -> None:
        self.messages = {message.id: message for message in said}
        self._started: set[str] = set()
        """Messages whose turns were published as started."""
        self._solvers = [agent.name for agent in self.network if "solver" in agent.card.roles]

    def get(self, ids: Iterable[str]) -> list[Message]:
        """The messages of some ids, in that order."""
        return [self.messages[id] for id in ids]

    def in_order(self) -> list[Message]:
        """Every message so far, in the order in which they were recorded."""
        return sorted(self.messages.values(), key=lambda message: message.sequence)

    def answered(self, ids: Iterable[str]) -> list[Message]:
        """Those of some messages that carry an answer."""
        return [message for message in self.get(ids) if answer_of(message.body) is not None]

    def readable(self, ids: Iterable[str]) -> list[str]:
        """Those of some ids whose messages a prompt can show."""
        return [message.id for message in self.get(ids) if readable(message)]

    def task(self, id: str) -> Task:
        """The task that a message states: the run's own, or one assigned in a delegation."""
        body = self.messages[id].body
        if isinstance(body, Assignment):
            return Task(text=body.text, label=body.label)
        assert isinstance(body, Task), f"message {id} states no task"
        return body

    def agent(self, selector: str, label: str | None) -> Agent:
        """The agent of a bound selector: a name, or ``@best`` for the task's label."""
        return self.network[
            self.network.best(self._solvers or self.network.agents, label) if selector == BEST else selector
        ]

    async def ask(
        self,
        agent: Agent,
        role: str,
        *,
        node: str,
        round: int,
        task: str,
        view: Sequence[str],
        sampling: Sampling | None = None,
        labels: Sequence[str] = (),
        max_steps: int = 8,
        confidence: bool = False,
        scored: bool = False,
    ) -> Message:
        """One turn of one agent, recorded. A failure becomes an `Error` message: the protocol goes on without it.

        A vote or a verdict can be `scored`: the likeliest one counts, none is written, and the message's confidence is
        its probability.

        Raises `LimitReached` where the run's limits say ``stop``.
        """
        id = message_id(self.run, node, round, agent.name)
        if id in self.messages:
            return self.messages[id]
        if (
            self.events.wanted and id not in self._started
        ):  # a person's turn is taken up again when their words are there
            self._started.add(id)
            started = TurnStarted(run=self.run, message=id, agent=agent.name, node=node, round=round, role=role)
            self.events.publish(started)
        turn = Turn(
            role=role,
            task=self.task(task),
            read=self.get(view),
            labels=labels,
            max_steps=max_steps,
            sampling=sampling,
            seed=self.seed_of(node, round, agent.name),
            confidence=confidence,
            scored=scored,
            message=id,
        )
        reply = await self._reply(agent, turn)
        return await self.record(
            reply.body,
            sender=agent.name,
            node=node,
            round=round,
            reply_to=(task, *view),
            usage=reply.usage,
            confidence=reply.confidence,
        )

    async def _reply(self, agent: Agent, turn: Turn) -> Reply:
        """What an agent replies within the run's limits; a failure becomes an `Error` body."""
        try:
            if not agent.metered:
                return await agent.take(turn, self._streamer(agent.name, turn.message))
            reservation = self.reserve(agent, turn)
            used = Usage()
            try:
                async with asyncio.timeout(self.budget.seconds_left):
                    reply = await agent.take(turn, self._streamer(agent.name, turn.message))
                used = reply.usage
            except TimeoutError:
                raise LimitReached(
                    f"{self.budget.limits.seconds:g} seconds were over while {agent.name} answered"
                ) from None
            finally:
                self.budget.settle(reservation, used)
            return reply
        except LimitReached as error:
            if self.budget.limits.when_exhausted == "stop":
                raise
            return Reply(Error(code=error.code, detail=str(error)))
        except AgentNetError as error:
            return Reply(Error(code=error.code, detail=str(error)))

    def reserve(self, agent: Agent, turn: Turn) -> Reservation:
        """Set aside the most that a turn may use. Raises `LimitReached`."""
        most = agent.most(turn) if self.budget.counts_tokens else Usage()
        return self.budget.reserve(most.tokens, most.cost)

    async def record(
        self,
        body: Body,
        *,
        sender: str,
        node: str,
        round: int = 0,
        recipients: tuple[str, ...] = (),
        reply_to: Sequence[str] = (),
        usage: Usage | None = None,
        confidence: float | None = None,
    ) -> Message:
        """Record what was said; the same turn recorded twice is one message."""
        id = message_id(self.run, node, round, sender)
        if id in self.messages:
            return self.messages[id]
        message = self.compose(
            body,
            sender=sender,
            node=node,
            round=round,
            recipients=recipients,
            reply_to=reply_to,
            usage=usage,
            confidence=confidence,
        )
        if self.recorder is not None:
            message = await self.recorder.append(message)
        self.take_in(message)
        return message

    def compose(
        self,
        body: Body,
        *,
        sender: str,
        node: str,
        round: int = 0,
        recipients: tuple[str, ...] = (),
        reply_to: Sequence[str] = (),
        usage: Usage | None = None,
        confidence: float | None = None,
    ) -> Message:
        """The message of a body, not yet recorded."""
        return Message(
            id=message_id(self.run, node, round, sender),
            run=self.run,
            sequence=len(self.messages),
            sender=sender,
            recipients=recipients,
            reply_to=tuple(reply_to),
            node=node,
            round=round,
            time=datetime.now(UTC),
            usage=usage or Usage(),
            confidence=confidence,
            body=body,
        )

    def take_in(self, message: Message) -> None:
        """Know a message that is recorded, and publish it."""
        self.messages[message.id] = message
        if self.events.wanted:
            self.events.publish(MessageSaid(run=self.run, message=message))

    def seed_of(self, node: str, round: int, agent: str) -> int:
        """A seed for one turn: from the run's seed and the turn's place, whatever the order of turns."""
        place = f"{self.seed}\x1f{node}\x1f{round}\x1f{agent}"
        return int.from_bytes(hashlib.sha256(place.encode()).digest()[:4], "big")

    def _streamer(self, agent: str, id: str) -> Callable[[str], None] | None:
        """What publishes a reply piece by piece; None where the run does not stream."""
        if not (self.stream_text and self.events.wanted):
            return None
        return lambda text: self.events.publish(TextStreamed(run=self.run, message=id, agent=agent, text=text))
