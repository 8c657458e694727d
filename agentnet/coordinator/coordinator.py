"""Running protocols: start, stream, finish, resume."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig

from agentnet.collab.budget import Budget
from agentnet.collab.context import COORDINATOR, USER, RunContext
from agentnet.collab.state import State
from agentnet.contracts.bodies import Error, Task, answer_of
from agentnet.contracts.events import Event, RunEnded, RunStarted, RunStatus
from agentnet.contracts.limits import Limits
from agentnet.contracts.messages import Message
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.contracts.runs import RunRecord
from agentnet.contracts.usage import Usage
from agentnet.coordinator.compiled import CompiledProtocol, check_same, prepare
from agentnet.errors import LimitReached, ResumeError
from agentnet.network import Network

if TYPE_CHECKING:
    from agentnet.store import Runs

Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `answer` is None unless it is done; `messages` are in the order in which they were recorded."""

    run: str
    status: RunStatus
    answer: str | None
    detail: str
    usage: Usage
    messages: tuple[Message, ...]
    members: tuple[str, ...] = ()
    """Names of the network's agents, in its order."""

    def _repr_html_(self) -> str:
        """Return what notebooks show of an outcome: its messages, the answer, and what it took."""
        from agentnet.rendering.html import as_html

        return as_html(self.messages, self.status, self.answer, self.detail, self.usage, self.members)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where protocol, network and scenario of a run were read from, so that `resume` finds them again."""

    protocol: str | None = None
    network: str | None = None
    scenario: str | None = None


class Coordinator:
    """Runs protocols on one open network. With a store and a checkpointer, runs are durable and can be resumed."""

    def __init__(self, network: Network, *, store: Runs | None = None, checkpointer: Any = None) -> None:
        self.network = network
        self._store = store
        self._checkpointer = checkpointer
        self._prepared: dict[ProtocolSpec, CompiledProtocol] = {}
        self._finished: list[str] = []

    def prepare(self, protocol: ProtocolSpec) -> CompiledProtocol:
        """The protocol, ready to run; compiled once and reused."""
        prepared = self._prepared.get(protocol)
        if prepared is None:
            prepared = self._prepared[protocol] = prepare(protocol, self.network, self._checkpointer)
        return prepared

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
    ) -> Outcome:
        """Carry out a protocol for a task.

        `run` is the run's id (a fresh one by default). `on_event` receives every event as it happens; with
        `stream_text` also the replies piece by piece. Raises `ProtocolError` or `PreflightError` before anything runs,
        and `StoreError` where the run cannot be recorded; what goes wrong with an agent is in the messages instead.
        """
        prepared = self.prepare(protocol)
        origin = origin or Origin()
        now = datetime.now(UTC)
        record = RunRecord(
            id=run or secrets.token_hex(6),
            task=task,
            protocol_name=prepared.name,
            protocol=prepared.fingerprinted,
            network=self.network.spec,
            fingerprint=prepared.fingerprint,
            seed=seed,
            limits=limits or Limits(),
            status="running",
            created=now,
            updated=now,
            protocol_source=origin.protocol,
            network_source=origin.network,
            scenario_source=origin.scenario,
        )
        return await self._carry_out(record, prepared, None, on_event, stream_text)

    async def resume(
        self,
        record: RunRecord,
        protocol: ProtocolSpec,
        *,
        limits: Limits | None = None,
        on_event: Listener | None = None,
        stream_text: bool = False,
    ) -> Outcome:
        """Continue an interrupted or stopped run where it was; nothing that was said is said again.

        `limits` replace the run's own. Raises `ResumeError` if the run is over, or if protocol or agents have changed.
        """
        if self._store is None:
            raise ResumeError("a run can only be resumed with the store that remembers it")
        if record.status in ("done", "failed"):
            raise ResumeError(f"run {record.id} is over ({record.status}): show it, or start a new one")
        prepared = self.prepare(protocol)
        check_same(record.id, record.protocol, prepared.fingerprinted)
        if limits is not None:
            record = record.model_copy(update={"limits": limits})
        await self._store.claim(record.id)
        said = await self._store.messages(record.id)
        return await self._carry_out(record, prepared, said, on_event, stream_text)

    async def stream(self, task: Task, protocol: ProtocolSpec, **options: Any) -> AsyncIterator[Event]:
        """The events of a run as they happen; the last is `RunEnded`. Takes the options of `run`."""
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        work = asyncio.create_task(self.run(task, protocol, on_event=events.put_nowait, **options))
        work.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            await work
        finally:
            work.cancel()

    async def _carry_out(
        self,
        record: RunRecord,
        prepared: CompiledProtocol,
        said: list[Message] | None,
        on_event: Listener | None,
        stream_text: bool,
    ) -> Outcome:
        """Carry out a new run, or one that is resumed and has `said` something already."""
        spent = sum((message.usage for message in said or ()), Usage())
        live = RunContext(
            record.id,
            self.network,
            record.seed,
            Budget(record.limits, spent),
            said or (),
            recorder=self._store,
            emit=on_event,
            stream_text=stream_text,
        )
        members = tuple(self.network.agents)
        if on_event:
            on_event(RunStarted(run=record.id, protocol=prepared.name, resumed=said is not None, members=members))
        stating = live.record(record.task, sender=USER, node="task")
        if self._store is not None and said is None:
            # Side by side, the run and its first message are one transaction.
            _, task = await asyncio.gather(self._store.start_run(record), stating)
        else:
            task = await stating
        config: RunnableConfig = {
            "configurable": {"thread_id": record.id},
            "metadata": {"fingerprint": prepared.fingerprint},
            "recursion_limit": prepared.recursion_limit,
        }
        status: RunStatus
        try:
            going_on = said is not None and await self._has_checkpoint(prepared, config)
            start: State = {"scope": prepared.expression.kind, "task": task.id, "view": [], "said": {}, "round": 0}
            final = await prepared.graph.ainvoke(
                None if going_on else start, config, context=live, durability="async" if self._checkpointer else None
            )
        except LimitReached as error:
            status, answer, detail = "stopped", None, str(error)
        else:
            status, answer, detail = _conclusion(live, final["outcome"])
        if self._store is not None:
            await self._store.finish_run(record.id, status, answer, detail)
        if status != "stopped":
            self._finished.append(record.id)
        if on_event:
            on_event(RunEnded(run=record.id, status=status, answer=answer, detail=detail, usage=live.budget.spent))
        messages = tuple(sorted(live.messages.values(), key=lambda message: message.sequence))
        return Outcome(record.id, status, answer, detail, live.budget.spent, messages, members)

    async def _has_checkpoint(self, prepared: CompiledProtocol, config: RunnableConfig) -> bool:
        """Whether a run was interrupted late enough to have a checkpoint. Raises `ResumeError` if it is another's."""
        saved = await self._checkpointer.aget_tuple(config) if self._checkpointer is not None else None
        if saved is None:
            return False
        fingerprint = saved.metadata.get("fingerprint")
        if fingerprint != prepared.fingerprint:
            raise ResumeError(
                f"the checkpoint of run {config['configurable']['thread_id']} was made by another protocol "
                f"(fingerprint {fingerprint}, now {prepared.fingerprint}); start a new run"
            )
        return True

    async def forget_finished(self) -> None:
        """Drop the checkpoints of the runs that were finished here; their messages stay in the store."""
        finished, self._finished = self._finished, []
        for run in finished if self._checkpointer is not None else ():
            await self._checkpointer.adelete_thread(run)


def _conclusion(live: RunContext, outcome: list[str]) -> tuple[RunStatus, str | None, str]:
    (last,) = live.get(outcome)
    answer = answer_of(last.body)
    if answer is not None:
        return "done", answer, ""
    detail = (
        last.body.detail if isinstance(last.body, Error) else f"{last.sender} gave no answer but a {last.body.kind}"
    )
    return "failed", None, detail


__all__ = ["COORDINATOR", "Coordinator", "Listener", "Origin", "Outcome"]
