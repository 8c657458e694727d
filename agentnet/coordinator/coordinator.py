"""Running protocols: start, stream, follow, cancel, resume."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from agentnet.agents import HumanAgent
from agentnet.collab.budget import Allowance, Budget
from agentnet.collab.bus import EventBus, Listener
from agentnet.collab.context import RunContext
from agentnet.collab.recording import Watcher
from agentnet.contracts.base import first_problem
from agentnet.contracts.bodies import Task
from agentnet.contracts.events import Event, MessageSaid, RunEnded, RunStarted
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message, approval
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.contracts.questions import Question
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.runs import OVER, Origin, RunRecord
from agentnet.contracts.serving import Served
from agentnet.contracts.usage import Usage
from agentnet.coordinator.compiled import CompiledProtocol, check_same, compile_protocol
from agentnet.coordinator.execution import Execution, finished
from agentnet.coordinator.forking import Beginning
from agentnet.coordinator.outcome import Outcome
from agentnet.coordinator.preflight import preflight_replies
from agentnet.errors import AgentNetError, BadInput, ResumeError
from agentnet.network import Members, Network
from agentnet.policy import Learned

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from agentnet.store import Runs

Answering = Callable[[Question], Awaitable[str | None]]
"""Asks a person a question and returns their words; None if they left, so that the run waits for them."""

MOST_COMPILED = 64
"""Compiled protocols that a coordinator keeps; the least recently used one is dropped first."""
SELECTED = "selected"
"""In the record of a run beside what is fingerprinted: which roles its members were selected for."""
POLL_SECONDS = 0.2
"""Seconds between two reads of a run that another process executes."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run, apart from its task and its protocol."""

    seed: int = 0
    """Seed of the run; each turn derives its own from it."""
    limits: Limits | None = None
    run: str | None = None
    """The run's id (default: a new one)."""
    origin: Origin | None = None
    """The sources of protocol, network and scenario; `resume` reads them again."""
    on_event: Listener | None = None
    """Called with every event as it happens. If it raises, it is detached and the run continues."""
    stream_text: bool = False
    """Publish replies piece by piece as they are written."""
    answering: Answering | None = None
    """Asks people; without it, a run that needs a person is left `interrupted` and can be resumed."""
    replies: ReplyOptions | None = None
    """What is asked of its free replies."""
    served: Served | None = None
    """How it was asked for over a server."""
    allowance: Allowance | None = None
    """What it may use together with other runs of its caller."""
    beginning: Beginning | None = None
    """The messages of another run that it goes on from."""

    def __post_init__(self) -> None:
        if self.on_event is not None and (not callable(self.on_event) or iscoroutinefunction(self.on_event)):
            raise BadInput("on_event is called, not awaited: give a plain function of one event, or read the stream")


class Coordinator:
    """Runs protocols on the members of a network. With a store and a checkpointer, runs are durable and resumable.

    Belongs to one event loop. It keeps nothing of a run that is over.
    """

    def __init__(
        self,
        members: Members,
        *,
        store: Runs | None = None,
        checkpointer: BaseCheckpointSaver[str] | None = None,
        learned: Learned | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        """`watcher` is told every turn of every run."""
        self._members, self._watcher = members, watcher
        self.learned = learned
        """What `auto` and the analysis of unlabelled tasks go by; None where nothing was learned."""
        self._store = store
        self._checkpointer = checkpointer
        self._compiled: OrderedDict[tuple[ProtocolSpec, Network, bool], CompiledProtocol] = OrderedDict()
        self._executions: dict[str, Execution] = {}

    @property
    def network(self) -> Network:
        """The current members."""
        return self._members.snapshot()

    @property
    def running(self) -> tuple[str, ...]:
        """The ids of the runs that are active in this coordinator."""
        return tuple(self._executions)

    def prepare(self, protocol: ProtocolSpec) -> CompiledProtocol:
        """Bind a protocol to the current members, check it and compile it.

        Raises `ProtocolError` or `PreflightError`.
        """
        return self._prepare(protocol, self.network)

    def _prepare(self, protocol: ProtocolSpec, network: Network, *, reads: bool = False) -> CompiledProtocol:
        key = protocol, network, reads
        compiled = self._compiled.get(key)
        if compiled is None:
            policy = self.learned.policy if self.learned else None
            compiled = self._compiled[key] = compile_protocol(
                protocol, network, self._saver(network), policy=policy, reads=reads
            )
            if len(self._compiled) > MOST_COMPILED:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(key)
        return compiled

    def _saver(self, network: Network) -> BaseCheckpointSaver[str] | None:
        """The checkpointer of a network's runs: in memory if there is no other and a person may interrupt a run."""
        if self._checkpointer is None and any(isinstance(agent, HumanAgent) for agent in network):
            from langgraph.checkpoint.memory import InMemorySaver

            return InMemorySaver()
        return self._checkpointer

    async def run(
        self,
        task: Task,
        protocol: ProtocolSpec,
        *,
        seed: int = 0,
        limits: Limits | None = None,
        run: str | None = None,
        origin: Origin | None = None,
        on_event: Listener | None = None,
        stream_text: bool = False,
        answering: Answering | None = None,
        replies: ReplyOptions | None = None,
        served: Served | None = None,
        allowance: Allowance | None = None,
        beginning: Beginning | None = None,
    ) -> Outcome:
        """Run a protocol on a task, and return the outcome.

        `RunOptions` explains the options. Raises `ProtocolError` or `PreflightError` before anything runs, and
        `StoreError` if the run cannot be recorded; failures of agents are in the messages. Cancelling the caller
        cancels the run and records it as `cancelled`.
        """
        options = RunOptions(
            seed, limits, run, origin, on_event, stream_text, answering, replies, served, allowance, beginning
        )
        return await self._start(task, protocol, options, EventBus())

    async def stream(self, task: Task, protocol: ProtocolSpec, **options: Any) -> AsyncIterator[Event]:
        """Start a run and yield its events as they happen; the last is `RunEnded`. Takes the options of `run`.

        Leaving the stream early cancels the run, and waits until its end is recorded.
        """
        events = EventBus()
        subscription = events.subscribe()
        work = asyncio.create_task(self._start(task, protocol, RunOptions(**options), events))
        work.add_done_callback(lambda _: events.close())
        try:
            async for event in subscription:
                yield event
            await work
        finally:
            work.cancel()
            await asyncio.wait([work])

    async def resume(
        self,
        record: RunRecord,
        protocol: ProtocolSpec,
        *,
        limits: Limits | None = None,
        on_event: Listener | None = None,
        stream_text: bool = False,
        answering: Answering | None = None,
        allowance: Allowance | None = None,
    ) -> Outcome:
        """Continue a run that is not over; finished turns are not asked again.

        `limits` replace the run's own. Raises `ResumeError` if the run is over, if it is active here or in another
        process, or if its protocol or agents have changed.
        """
        if self._store is None:
            raise ResumeError("resuming a run needs the store that holds it")
        if record.status in OVER:
            raise ResumeError(f"run {record.id} is over ({record.status}): show it, or start a new one")
        if record.id in self._executions:
            raise ResumeError(f"run {record.id} is active: follow it instead")
        options = RunOptions(on_event=on_event, stream_text=stream_text, answering=answering, allowance=allowance)
        async with self._members.lease(record.network) as network:
            if network.probation != frozenset(record.probation):  # selectors mean what they meant
                network = network.with_probation(record.probation)
            compiled = self._prepare(protocol, network)
            before = dict(record.protocol)
            selected = compiled.selected.recorded(before.pop(SELECTED, {}))
            check_same(record.id, before, compiled.fingerprinted)
            history = await self._claim(self._store, record, None if limits == record.limits else limits)
            if limits is not None:
                record = record.model_copy(update={"limits": limits})
            compiled = replace(compiled, selected=selected)
            return await self._carry_out(record, compiled, network, history, options, EventBus(), resumed=True)

    async def _claim(self, store: Runs, record: RunRecord, limits: Limits | None) -> list[Message]:
        """Make this process the owner of a run, and return its messages. On failure, the run is not running."""
        claimed = False

        async def claim() -> list[Message]:
            nonlocal claimed
            await store.claim(record.id, limits)
            claimed = True
            return await store.messages(record.id)

        try:
            return await finished(claim())
        except BaseException:
            if claimed and record.id not in self._executions:
                with suppress(AgentNetError):
                    await finished(store.finish_run(record.id, record.status, record.answer, record.detail))
            raise

    async def follow(self, run: str) -> AsyncIterator[Event]:
        """Yield the events of a run from its beginning: past messages first, then live events, up to `RunEnded`.

        A late subscriber misses the first pieces of a reply that is being written; its message will hold all of it.
        Leaving does not affect the run. Raises `BadInput` for an unknown run, and `ResumeError` if the run is not
        active here and there is no store.
        """
        execution = self._executions.get(run)
        if execution is not None:
            subscription = execution.context.events.subscribe()
            history = execution.context.in_order()
            try:
                yield execution.started()
                for message in history:
                    yield MessageSaid(run=run, message=message)
                async for event in subscription:
                    if not isinstance(event, RunStarted):
                        yield event
            finally:
                subscription.close()
            return
        if self._store is None:
            raise ResumeError(f"run {run} is not active here, and there is no store to read it from")
        record = await self._store.record(run)
        members = tuple(agent.name for agent in record.network.agents)
        yield RunStarted(run=run, protocol=record.protocol_name, members=members)
        messages: list[Message] = []
        seen = 0
        while True:
            record = await self._store.record(run)
            messages += await self._store.messages(run, after=len(messages) - 1)
            for message in messages[seen:]:
                yield MessageSaid(run=run, message=message)
            seen = len(messages)
            if record.status != "running":
                break
            await asyncio.sleep(POLL_SECONDS)
        usage = sum((message.usage for message in messages), Usage())
        yield RunEnded(
            run=run,
            status=record.status,
            answer=record.answer,
            approved=None if record.answer is None else approval(messages),
            detail=record.detail,
            usage=usage,
        )

    async def cancel(self, run: str) -> bool:
        """Cancel an active run, and wait until it is recorded as `cancelled`; its caller gets that outcome.

        Returns whether this coordinator had such a run.
        """
        execution = self._executions.get(run)
        if execution is None:
            return False
        await execution.cancel()
        return True

    async def interrupt(self, run: str, why: str) -> bool:
        """Cut an active run, and wait until it is recorded as `interrupted`, with the reason `why`.

        Returns whether this coordinator had such a run.
        """
        execution = self._executions.get(run)
        if execution is None:
            return False
        await execution.cancel(("interrupted", None, why))
        return True

    async def close(self) -> None:
        """Cancel every active run, and wait until their ends are recorded. The runs can be resumed later."""
        await asyncio.gather(*(execution.cancel() for execution in self._executions.values()))

    async def _start(self, task: Task, protocol: ProtocolSpec, options: RunOptions, events: EventBus) -> Outcome:
        """Make the record of a new run, and execute the run."""
        async with self._members.lease() as network:
            begins = options.beginning
            compiled = self._prepare(protocol, network, reads=begins is not None and begins.another)
            if begins is not None and not begins.another:
                roles = begins.record.protocol.get(SELECTED, {})
                compiled = replace(compiled, selected=compiled.selected.recorded(roles))
            if options.replies is not None:
                preflight_replies(compiled.expression, network, options.replies)
            origin = options.origin or Origin()
            now = datetime.now(UTC)
            try:
                record = RunRecord(
                    id=options.run or secrets.token_hex(6),
                    task=task,
                    protocol_name=compiled.name,
                    protocol={**compiled.fingerprinted, SELECTED: compiled.selected.plain()},
                    network=network.spec,
                    probation=tuple(sorted(network.probation)),
                    fingerprint=compiled.fingerprint,
                    seed=options.seed,
                    limits=options.limits or Limits(),
                    status="running",
                    created=now,
                    updated=now,
                    protocol_source=origin.protocol,
                    network_source=origin.network,
                    scenario_source=origin.scenario,
                    replies=options.replies and options.replies.given,
                    served=options.served,
                    forked_from=None if begins is None else begins.forked_from,
                )
            except ValidationError as error:
                raise BadInput(f"the run's {first_problem(error)}") from error
            history = [] if begins is None else begins.copied(record.id)
            return await self._carry_out(record, compiled, network, history, options, events)

    async def _carry_out(
        self,
        record: RunRecord,
        compiled: CompiledProtocol,
        network: Network,
        history: list[Message],
        options: RunOptions,
        events: EventBus,
        *,
        resumed: bool = False,
    ) -> Outcome:
        """Execute a new run or a resumed one; `history` are the messages that it has already."""
        if options.on_event is not None:
            events.listen(options.on_event)
        context = RunContext(
            record.id,
            network,
            record.seed,
            Budget(record.limits, sum((message.usage for message in history), Usage()), allowance=options.allowance),
            history,
            recorder=self._store,
            events=events,
            stream_text=options.stream_text,
            selected=compiled.selected,
            watcher=self._watcher,
            analysis=await self.learned.analysis(record.task) if self.learned else None,
            replies=record.replies or ReplyOptions(),
        )
        execution = Execution(record, compiled, context, self._store, resumed=resumed)
        if record.id in self._executions:
            raise ResumeError(f"run {record.id} is active already: follow it instead")
        self._executions[record.id] = execution
        try:
            return await execution.carry_out(options.answering)
        finally:
            del self._executions[record.id]
            events.close()
