"""The context of an active run: the nodes of its graph use it to ask agents and to record messages.

It is LangGraph's runtime context and never part of the checkpointed state: the state holds message ids, the context
holds the messages. Every message has a deterministic id, so a turn that is executed again after a crash finds its
message here.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from agentnet.agents import Agent, Reply, Turn
from agentnet.agents.base import ANSWERING, Need
from agentnet.collab.beginning import was_before
from agentnet.collab.budget import Budget, Reservation
from agentnet.collab.bus import EventBus
from agentnet.collab.pieces import Pieces
from agentnet.collab.recording import Recorder, Watcher
from agentnet.collab.stand_ins import NOBODY, Selected, StandIns, failed_to_answer
from agentnet.collab.tool_turn import ToolTurn
from agentnet.contracts.bodies import Analysis, Assignment, Body, Error, Plan, Result, Task, answer_of
from agentnet.contracts.events import MessageSaid, TokensTold, TurnStarted, WrittenToken
from agentnet.contracts.formats import Format
from agentnet.contracts.messages import Message, message_id
from agentnet.contracts.nodes import NodeSpec
from agentnet.contracts.protocols import BEST
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.sampling import Sampling
from agentnet.contracts.usage import Usage
from agentnet.errors import AgentNetError, LimitReached, ModelError
from agentnet.logs import logger
from agentnet.network import Network
from agentnet.prompts.transcript import readable

log = logger("runs")

PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds between the attempts to ask a member whose nodes are all away, where no other can take its turn."""
LARGEST_COUNT = 2**53
"""The most tokens of one turn: stores and readers of JSON hold no larger numbers exactly."""


@dataclass(eq=False)
class RunContext:
    """A run that is active in this process. `history` holds the messages that it has already."""

    run: str
    network: Network
    seed: int
    budget: Budget
    history: InitVar[Iterable[Message]] = ()
    recorder: Recorder | None = None
    events: EventBus = field(default_factory=EventBus)
    stream_text: bool = False
    """Publish replies piece by piece as they are written."""
    selected: Selected = NOBODY
    """Which members the protocol means by selectors: others may stand in for these."""
    analysis: Analysis | None = None
    """What was found about the run's own task, where it came without a label."""
    watcher: Watcher | None = None
    replies: ReplyOptions = field(default_factory=ReplyOptions)
    """What the caller asks of free replies."""
    messages: dict[str, Message] = field(init=False)

    def __post_init__(self, history: Iterable[Message]) -> None:
        self.messages = {message.id: message for message in history}
        self.pieces = Pieces(self.run, self.events, self.budget, wanted=self.stream_text)
        self._started: set[str] = set()
        """Ids of the messages whose turns were published as started."""
        self._on_nodes = {agent.name for agent in self.network.spec.agents if isinstance(agent.model, NodeSpec)}
        own = [message for message in self.messages.values() if not was_before(message)]
        self._stand_ins = StandIns(self.network, self.selected, own)

    def get(self, ids: Iterable[str]) -> list[Message]:
        """Return the messages of some ids, in the order of the ids."""
        return [self.messages[id] for id in ids]

    def in_order(self) -> list[Message]:
        """Return all messages so far, in the order of their recording."""
        return sorted(self.messages.values(), key=lambda message: message.sequence)

    def answered(self, ids: Iterable[str]) -> list[Message]:
        """Return the messages of some ids that carry an answer."""
        return [message for message in self.get(ids) if answer_of(message.body) is not None]

    def backers(self, message: Message) -> frozenset[str]:
        """Return the agents that an answer comes from: its sender, or those of the messages that a result rests on."""
        if message.sender in self.network.agents or not isinstance(message.body, Result):
            return frozenset({message.sender})
        return frozenset().union(*(self.backers(source) for source in self.get(message.body.sources)))

    def counted(self, ids: Iterable[str]) -> list[str]:
        """Return those of some ids whose messages count in a decision: what members on probation say weighs nothing.

        Where nothing that counts carries an answer, all do.
        """
        every = list(ids)
        if not self.network.probation:
            return every
        counted = [id for id in every if not self.backers(self.messages[id]) <= self.network.probation]
        return counted if self.answered(counted) else every

    def confidence(self, message: Message) -> float | None:
        """Return the confidence by which members may be compared; None where there is none to rely on.

        What a server says of its own tokens can be anything: it counts if the network file vouches for the member.
        """
        return message.confidence if self.network.shows_its_tokens(message.sender) else None

    def readable(self, ids: Iterable[str]) -> list[str]:
        """Return the ids among `ids` whose messages a prompt can show."""
        return [message.id for message in self.get(ids) if readable(message)]

    def task(self, id: str) -> Task:
        """Return the task of a message: the run's own, as given or as analyzed, or one assigned in a delegation."""
        body = self.messages[id].body
        if isinstance(body, Assignment | Analysis):
            return Task(text=body.text, label=body.label)
        assert isinstance(body, Task), f"message {id} states no task"
        return body

    def analyzed(self, id: str) -> Analysis:
        """Return what is known about the task of a message: a given label, or what was found about the run's own."""
        task = self.task(id)
        found = self.analysis if task.label is None else None
        return found or Analysis(text=task.text, label=task.label)

    def step(self, id: str) -> Assignment | None:
        """Return the step of a plan that the task of a message is; None for the run's own task."""
        body = self.messages[id].body
        return body if isinstance(body, Assignment) else None

    def _is_final(self, task: str) -> bool:
        """Return whether an answer to a task may be that of the run: of the steps of a plan, the last step's."""
        message = self.messages[task]
        if not isinstance(message.body, Assignment):
            return True
        scope = message.node.rpartition("/assign/")[0]
        plans = [found for found in self.in_order() if found.node in (f"{scope}/plan", f"{scope}/fitted")]
        body = plans[-1].body
        last = isinstance(body, Plan) and body.steps[-1].id == message.body.step
        return last and all(self._is_final(outer) for outer in plans[0].reply_to[:1])

    def agent(self, selector: str, label: str | None) -> Agent:
        """Return the agent of a bound selector: a name, or ``@best`` for the task's label."""
        return self.network[self.network.best(self.network.solvers, label) if selector == BEST else selector]

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
        format: Format | None = None,
        labels: Sequence[str] = (),
        max_steps: int = 8,
        confidence: bool = False,
        scored: bool = False,
    ) -> Message:
        """Let an agent take a turn, and return its recorded message. A failure becomes an `Error` message.

        Where the agent cannot be reached, another that its selector means takes the turn, and the message is that one's
        (see `agentnet.collab.stand_ins`).

        With `scored`, the model scores every possible vote or verdict instead of writing one: the likeliest counts, and
        the message's confidence is its probability.

        Raises `LimitReached` if the run's limits say ``stop``.
        """
        turn = Turn(
            role=role,
            task=self.task(task),
            read=self.get(view),
            labels=labels,
            max_steps=max_steps,
            sampling=sampling,
            replies=self.replies,
            format=format or (self.replies.format if role in ANSWERING and self._is_final(task) else None),
            confidence=confidence,
            scored=scored,
            step=self.step(task),
        )

        def need(name: str) -> Need:
            kind = None if turn.format is None else turn.format.kind
            told = turn.replies.top_logprobs is not None and role in ANSWERING
            return Need(name, role, logprobs=confidence or told, scored=scored, format=kind)

        reply_to = (task, *view)
        asking: Agent | None = self._stand_ins.current(agent, node, round)
        failed: Message | None = None
        asked: list[str] = []
        while asking is not None:
            patient = asking.name in self._on_nodes and self._stand_ins.is_last(
                asking.name, [*asked, asking.name], turn.task.label, need
            )
            message = await self._message(asking, turn, node, round, reply_to, failed, patient=patient)
            if not failed_to_answer(message.body):
                return message
            failed = message
            asked.append(asking.name)
            asking = self._stand_ins.instead_of(failed, asked, turn.task.label, need)
        assert failed is not None, "the agent itself is always asked"
        return failed

    async def _message(
        self,
        agent: Agent,
        turn: Turn,
        node: str,
        round: int,
        reply_to: Sequence[str],
        failed: Message | None,
        *,
        patient: bool,
    ) -> Message:
        """The recorded message of one agent's turn; it takes the turn over from the sender of a `failed` message.

        With `patient`, an agent that cannot be reached is asked again a few times: its nodes may come back.
        """
        id = message_id(self.run, node, round, agent.name)
        if id in self.messages:
            return self.messages[id]
        self._stand_ins.takes_part(agent.name)
        if self.events.wanted and id not in self._started:  # a person's turn is executed again with their words
            self._started.add(id)
            started = TurnStarted(
                run=self.run,
                message=id,
                agent=agent.name,
                node=node,
                round=round,
                role=turn.role,
                reply_to=tuple(reply_to),
            )
            self.events.publish(started)
        turn = replace(turn, seed=self.seed_of(node, round, agent.name), message=id)
        tools = ToolTurn(self, agent.name, agent.tools, node, round) if agent.tools is not None else None
        reply = await self._observed(agent, turn, tools)
        for pause in PAUSES if patient else ():
            left = self.budget.seconds_left
            if not failed_to_answer(reply.body) or (left is not None and left < pause):
                break
            await asyncio.sleep(pause)
            reply = await self._observed(agent, turn, tools)
        if reply.tokens is not None:
            self.tell_tokens(id, agent.name, reply.tokens)
        return await self.record(
            reply.body,
            sender=agent.name,
            node=node,
            round=round,
            reply_to=reply_to,
            usage=reply.usage,
            confidence=reply.confidence,
            instead_of=None if failed is None else failed.id,
            served_by=reply.served_by,
            finish=reply.finish,
        )

    async def _observed(self, agent: Agent, turn: Turn, tools: ToolTurn | None) -> Reply:
        """The agent's reply, of which the watcher is told."""
        began = time.perf_counter()
        reply = await self._reply(agent, turn, tools)
        if self.watcher is not None:
            streamed = self.pieces.teller(agent.name, turn.message) is not None
            self.watcher.taken(agent, turn, reply, time.perf_counter() - began, streamed=streamed)
        return reply

    async def _reply(self, agent: Agent, turn: Turn, tools: ToolTurn | None) -> Reply:
        """The agent's reply within the run's limits; a failure becomes an `Error` body."""
        planning = Usage()
        try:
            if not agent.metered:
                return await agent.take(turn, self.pieces.teller(agent.name, turn.message))
            if tools is not None and tools.user.wanted(turn):
                calls, planning, failure = await tools.take(turn)
                if failure is not None:
                    raise failure
                turn = replace(turn, calls=calls)
            reservation = self.reserve(agent, turn)
            used = Usage()
            try:
                with self.pieces.counted([agent], turn, turn.message):
                    async with asyncio.timeout(self.budget.seconds_left):
                        reply = await self._taken(agent, turn)
                used = reply.usage
            except TimeoutError:
                raise LimitReached(
                    f"the limit of {self.budget.limits.seconds:g} seconds ran out while {agent.name} answered"
                ) from None
            finally:
                self.budget.settle(reservation, used)
            return replace(reply, usage=planning + reply.usage)
        except LimitReached as error:
            if self.budget.limits.when_exhausted == "stop":
                raise
            return Reply(Error(code=error.code, detail=str(error)), planning)
        except AgentNetError as error:
            return Reply(Error(code=error.code, detail=str(error)), planning)

    async def _taken(self, agent: Agent, turn: Turn) -> Reply:
        """The agent's reply. Whatever it raises, and a reply that cannot be recorded, ends its own turn only."""
        try:
            reply = await agent.take(turn, self.pieces.teller(agent.name, turn.message))
            reply.body.model_dump_json()  # raises for text that is not Unicode
            if reply.usage.tokens > LARGEST_COUNT:
                raise OverflowError(f"it counts more than {LARGEST_COUNT} tokens")
        except AgentNetError:
            raise
        except Exception as error:
            log.warning("%s failed in its turn: %s: %s", agent.name, type(error).__name__, error, exc_info=True)
            raise ModelError(f"{agent.name} failed in its turn ({type(error).__name__}: {error})") from error
        return reply

    def reserve(self, agent: Agent, turn: Turn) -> Reservation:
        """Reserve the most that a turn may use. Raises `LimitReached`."""
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
        instead_of: str | None = None,
        served_by: str | None = None,
        finish: Literal["stop", "length"] | None = None,
        id: str | None = None,
    ) -> Message:
        """Record a turn's body, and return its message. A turn that is recorded twice is one message.

        `id` is that of a message within a turn; by default, the message is the turn's own.
        """
        id = id or message_id(self.run, node, round, sender)
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
            instead_of=instead_of,
            served_by=served_by,
            finish=finish,
            body=body,
        )
        if self.recorder is not None:
            message = await self.recorder.append(message)
        self.take_in(message)
        return message

    def take_in(self, message: Message) -> None:
        """Add a recorded message to the run, and publish it."""
        self.messages[message.id] = message
        if self.events.wanted:
            self.events.publish(MessageSaid(run=self.run, message=message))

    def tell_tokens(self, message: str, agent: str, tokens: Iterable[WrittenToken]) -> None:
        """Publish the tokens of the reply that becomes a message."""
        if self.events.wanted:
            self.events.publish(TokensTold(run=self.run, message=message, agent=agent, tokens=tuple(tokens)))

    def seed_of(self, node: str, round: int, agent: str) -> int:
        """Return the seed of a turn. It depends on the run's seed, node, round and agent, not on the order of turns."""
        turn = f"{self.seed}\x1f{node}\x1f{round}\x1f{agent}"
        return int.from_bytes(hashlib.sha256(turn.encode()).digest()[:4], "big")
