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

from agentnet.agents import Agent, Turn, confidence_of
from agentnet.collab.binding import BEST
from agentnet.collab.budget import Budget, Reservation
from agentnet.contracts.bodies import Assignment, Body, Error, Task, answer_of
from agentnet.contracts.events import Event, MessageSaid, TextStreamed, TurnStarted
from agentnet.contracts.messages import Message, message_id
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.errors import AgentNetError, LimitReached
from agentnet.models.base import Request, TokenCounter
from agentnet.network import Network
from agentnet.prompts.transcript import readable

COORDINATOR = "coordinator"
USER = "user"

TEMPLATE_TOKENS = 16
"""What a chat template may add to a message. A token stands for at least one byte of the message itself."""


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
    emit: Callable[[Event], None] | None = None
    stream_text: bool = False
    """Emit replies piece by piece as they are written."""
    messages: dict[str, Message] = field(init=False)

    def __post_init__(self, said: Iterable[Message]) -> None:
        self.messages = {message.id: message for message in said}
        self._solvers = [agent.name for agent in self.network if "solver" in agent.card.roles]

    def get(self, ids: Iterable[str]) -> list[Message]:
        """The messages of some ids, in that order."""
        return [self.messages[id] for id in ids]

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
        if self.emit:
            self.emit(TurnStarted(run=self.run, message=id, agent=agent.name, node=node, round=round, role=role))
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
        )
        body, usage, sure = await self._answer(agent, turn, id)
        return await self.record(
            body, sender=agent.name, node=node, round=round, reply_to=(task, *view), usage=usage, confidence=sure
        )

    async def _answer(self, agent: Agent, turn: Turn, id: str) -> tuple[Body, Usage, float | None]:
        usage, sure = Usage(), None
        try:
            request = agent.request(turn)
            reservation = self.reserve(agent, turn, request)
            try:
                async with asyncio.timeout(self.budget.seconds_left):
                    reply = await (
                        agent.score(turn, request)
                        if turn.scored
                        else agent.answer(request, self._streamer(agent.name, id))
                    )
                usage, sure = agent.bill(reply.usage), confidence_of(reply)
            except TimeoutError:
                raise LimitReached(
                    f"{self.budget.limits.seconds:g} seconds were over while {agent.name} answered"
                ) from None
            finally:
                self.budget.settle(reservation, usage)
            return agent.read(turn, reply), usage, sure
        except LimitReached as error:
            if self.budget.limits.when_exhausted == "stop":
                raise
            return Error(code=error.code, detail=str(error)), usage, sure
        except AgentNetError as error:
            return Error(code=error.code, detail=str(error)), usage, sure

    def reserve(self, agent: Agent, turn: Turn, request: Request) -> Reservation:
        """Set aside the most that a call may take. Raises `LimitReached`."""
        most = agent.bill(_most(agent, turn, request)) if self.budget.counts_tokens else Usage()
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
        message = Message(
            id=id,
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
        if self.recorder is not None:
            message = await self.recorder.append(message)
        self.messages[id] = message
        if self.emit:
            self.emit(MessageSaid(run=self.run, message=message))
        return message

    def seed_of(self, node: str, round: int, agent: str) -> int:
        """A seed for one turn: from the run's seed and the turn's place, whatever the order of turns."""
        place = f"{self.seed}\x1f{node}\x1f{round}\x1f{agent}"
        return int.from_bytes(hashlib.sha256(place.encode()).digest()[:4], "big")

    def _streamer(self, agent: str, id: str) -> Callable[[str], None] | None:
        emit = self.emit
        if not self.stream_text or emit is None:
            return None
        return lambda text: emit(TextStreamed(run=self.run, message=id, agent=agent, text=text))


def _most(agent: Agent, turn: Turn, request: Request) -> Usage:
    """The most that a call may take. No tokenizer makes more tokens than there are bytes."""
    if isinstance(agent.model, TokenCounter):
        prompt = agent.model.count_tokens(request)
    else:
        prompt = sum(len(message["content"].encode()) + TEMPLATE_TOKENS for message in request.messages)
    # To score replies is to read all of them.
    scored = sum(len(reply.encode()) for reply in agent.replies(turn)) if turn.scored else None
    return Usage(prompt_tokens=prompt, completion_tokens=request.sampling.max_tokens if scored is None else scored)
