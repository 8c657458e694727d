"""The execution of one run, from its record to its outcome. Every kind of end is recorded and published."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command, Interrupt

from agentnet.collab.beginning import in_view
from agentnet.collab.combinators import combinator_of
from agentnet.collab.context import RunContext
from agentnet.collab.state import State, initial_state
from agentnet.contracts.bodies import Error, Result, answer_of
from agentnet.contracts.events import InputRequested, RunEnded, RunStarted, RunStatus
from agentnet.contracts.messages import COORDINATOR, TASK_NODE, USER, Message, approval, message_id
from agentnet.contracts.questions import Question
from agentnet.contracts.runs import OVER, RunRecord
from agentnet.coordinator.compiled import CompiledProtocol
from agentnet.coordinator.outcome import Outcome
from agentnet.coordinator.preflight import require_knowledge
from agentnet.errors import AgentNetError, LimitReached, ResumeError, Unsuited
from agentnet.logs import logger

if TYPE_CHECKING:
    from agentnet.store import Runs

log = logger("runs")

ANALYSIS_NODE = "analysis"

T = TypeVar("T")
End = tuple[RunStatus, str | None, str]
"""Status, answer and detail."""
UNWANTED: End = ("cancelled", None, "no longer wanted")


class Execution:
    """A run that is active in this process. The graph runs in a task of its own, so that it can be cancelled by id."""

    def __init__(
        self,
        record: RunRecord,
        compiled: CompiledProtocol,
        context: RunContext,
        store: Runs | None,
        *,
        resumed: bool,
    ) -> None:
        self._record, self._compiled, self.context, self._store = record, compiled, context, store
        self._resumed = resumed
        self._cut: End | None = None
        """How the run ends, once `cancel` was called; cancelling the caller's task does not set it."""
        self._begun = resumed
        """Whether the run is recorded, and owned by this process: before that, its id may belong to another run."""
        self._ended = asyncio.Event()
        self._work: asyncio.Task[End] | None = None

    def started(self) -> RunStarted:
        """Return the first event of the run."""
        return RunStarted(
            run=self._record.id,
            protocol=self._compiled.name,
            resumed=self._resumed,
            members=tuple(self.context.network.agents),
        )

    async def cancel(self, end: End = UNWANTED) -> None:
        """Cancel the run, and wait until its `end` is recorded. The caller of `carry_out` gets the outcome."""
        self._cut = self._cut or end
        if self._work is not None:
            self._work.cancel()
        await self._ended.wait()

    async def carry_out(self, answering: Callable[[Question], Awaitable[str | None]] | None) -> Outcome:
        """Run the protocol, and return the outcome.

        Raises the errors of the run itself (a store that fails, say), after recording it as `interrupted`.
        """
        self._work = asyncio.create_task(self._run(answering))
        end: End = ("interrupted", None, "")
        failed = True
        try:
            end = await self._work
            failed = False
        except asyncio.CancelledError:
            end = self._cut or UNWANTED
            caller = asyncio.current_task()
            if self._cut is None or (caller is not None and caller.cancelling()):
                raise
            failed = False
        except Exception as error:
            end = ("interrupted", None, " ".join(f"{error or type(error).__name__}".split()))
            raise
        finally:
            await finished(self._end(*end, failed=failed))
        context = self.context
        return Outcome(
            self._record.id, *end, context.budget.spent, tuple(context.in_order()), tuple(context.network.agents)
        )

    async def _begin(self) -> Message:
        """Return the task's message: record the run with it, or find the message of a resumed run.

        A fork is recorded with what it begins with.
        """
        context, record = self.context, self._record
        task, before = _task_message(record), context.in_order()
        if not self._resumed and self._store is not None:
            task = await self._store.start_run(record, task, before)
        self._begun = True
        if context.events.wanted:
            context.events.publish(self.started())
        if self._resumed:
            return await context.record(record.task, sender=USER, node=TASK_NODE)
        for message in (task, *before):
            context.take_in(message)
        return task

    async def _analyzed(self, task: Message) -> Message:
        """Return the message that states the task: the given one, or one with the label that was found for it."""
        context = self.context
        known = context.messages.get(message_id(self._record.id, ANALYSIS_NODE, 0, COORDINATOR))
        if known is not None:
            return known
        if context.analysis is None or combinator_of(self._compiled.expression).analyzes:
            return task
        return await context.record(context.analysis, sender=COORDINATOR, node=ANALYSIS_NODE, reply_to=(task.id,))

    async def _run(self, answering: Callable[[Question], Awaitable[str | None]] | None) -> End:
        """Run the graph; whenever it waits for people, ask them and resume it with their words."""
        task = await finished(self._begin())
        compiled = self._compiled
        task = await self._analyzed(task)
        label = self.context.analyzed(task.id).label
        config: RunnableConfig = {
            "configurable": {"thread_id": self._record.id},
            "metadata": {"fingerprint": compiled.fingerprint},
            "recursion_limit": compiled.recursion_limit,
        }
        visible = in_view(self.context.in_order())
        step: State | Command[Any] | None = initial_state(compiled.expression.kind, task.id, visible)
        if self._resumed and await self._has_checkpoint(config):
            step = None
        durable = compiled.graph.checkpointer is not None
        try:
            require_knowledge(compiled.name, compiled.expression, self.context.network, label, compiled.floor)
            while True:
                final = await compiled.graph.ainvoke(
                    step, config, context=self.context, durability="async" if durable else None
                )
                interrupts = self._in_order(final.get("__interrupt__", ()))
                if not interrupts:
                    return _end_of(self.context, final["outcome"])
                # One at a time, so that words are recorded before the next question is asked.
                words = await self._words_for(interrupts[0], answering)
                if words is None:
                    names = ", ".join(dict.fromkeys(str(interrupt.value["agent"]) for interrupt in interrupts))
                    return "interrupted", None, f"waits for {names}; resume the run to answer"
                step = Command(resume={interrupts[0].id: words})
        except LimitReached as error:
            return "stopped", None, str(error)
        except Unsuited as error:
            return "failed", None, str(error)

    def _in_order(self, interrupts: Iterable[Interrupt]) -> list[Interrupt]:
        """Questions to people, in the order of the network."""
        order = list(self.context.network.agents)
        return sorted(interrupts, key=lambda interrupt: order.index(interrupt.value["agent"]))

    async def _words_for(
        self, interrupt: Interrupt, answering: Callable[[Question], Awaitable[str | None]] | None
    ) -> str | None:
        """Ask a person a question, and return their words; None if they left, or if there is no way to ask."""
        question = Question.model_validate({**interrupt.value, "choices": tuple(interrupt.value["choices"])})
        if self.context.events.wanted:
            self.context.events.publish(InputRequested(run=self._record.id, question=question))
        if answering is None:
            return None
        with self.context.budget.paused():
            return await answering(question)

    async def _has_checkpoint(self, config: RunnableConfig) -> bool:
        saver = self._compiled.graph.checkpointer
        if not isinstance(saver, BaseCheckpointSaver):
            return False
        saved = await saver.aget_tuple(config)
        if saved is None:
            return False
        metadata: dict[str, Any] = dict(saved.metadata)
        fingerprint = metadata.get("fingerprint", metadata.get("signature"))  # called a signature before 0.2
        # An earlier version's is that of the run's record, which was compared field by field.
        if fingerprint not in (self._compiled.fingerprint, self._record.fingerprint):
            raise ResumeError(
                f"the checkpoint of run {self._record.id} was written by another protocol "
                f"(fingerprint {fingerprint}, now {self._compiled.fingerprint}); start a new run"
            )
        return True

    async def _end(self, status: RunStatus, answer: str | None, detail: str, *, failed: bool) -> None:
        """Record the end, delete checkpoints that are no longer needed, and publish the last event.

        A cancelled run needs none: when it is resumed, it starts at its first node and finds its messages by their ids.

        Raises `StoreError`; if the run `failed` with an error of its own, a `StoreError` is logged instead.
        """
        run, saver = self._record.id, self._compiled.graph.checkpointer
        if status != "interrupted":
            self.context.budget.charge_lost()
        work: list[Awaitable[None]] = []
        if self._store is not None and self._begun:
            work.append(self._store.finish_run(run, status, answer, detail))
        over = status in OVER or status == "cancelled" or self._store is None
        if over and isinstance(saver, BaseCheckpointSaver):
            work.append(saver.adelete_thread(run))
        try:
            await asyncio.gather(*work)
        except AgentNetError as error:
            if not failed:
                raise
            log.warning("the end of run %s (%s) could not be recorded: %s", run, status, error)
        finally:
            if self._begun and self.context.events.wanted:
                usage = self.context.budget.spent
                approved = None if answer is None else approval(self.context.in_order())
                ended = RunEnded(run=run, status=status, answer=answer, approved=approved, detail=detail, usage=usage)
                self.context.events.publish(ended)
            self._ended.set()


async def finished(work: Coroutine[Any, Any, T]) -> T:
    """Await some work to its end, even if the caller is cancelled meanwhile; raise the cancellation afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if not task.cancelled():
                cancelled = error
        except Exception:
            break
    if cancelled is not None:
        with suppress(Exception):
            task.result()
        raise cancelled
    return task.result()


def _task_message(record: RunRecord) -> Message:
    """Return the first message of a run: its task."""
    return Message(
        id=message_id(record.id, TASK_NODE, 0, USER),
        run=record.id,
        sequence=0,
        sender=USER,
        node=TASK_NODE,
        time=datetime.now(UTC),
        body=record.task,
    )


def _end_of(context: RunContext, outcome: Sequence[str]) -> End:
    """The end of a run by its last message: an answer, or the reason why there is none."""
    (last,) = context.get(outcome)
    answer = answer_of(last.body)
    if answer is not None:
        if isinstance(last.body, Result) and last.body.approved is False:
            return "done", answer, last.body.decision
        return "done", answer, ""
    if isinstance(last.body, Error):
        return "failed", None, last.body.detail
    return "failed", None, f"{last.sender} gave no answer but a {last.body.kind}"
