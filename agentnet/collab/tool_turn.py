"""The calls of tools within a turn: planned, made one after another, and recorded as they happen.

Each call is a message with an id of its own, so a turn that is taken again after a crash finds the calls that were made
and goes on with the rest. The first message names those that were to come: the model is not asked for its plan again.
A call that was under way when the process died has no message, and is made again under the same id, which the server
is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agentnet.agents.base import PlannedTurn, ToolUser, Turn
from agentnet.collab.budget import Budget
from agentnet.contracts.base import shown
from agentnet.contracts.bodies import Body, PlannedCall, ToolCall
from agentnet.contracts.messages import Message, message_id
from agentnet.contracts.usage import Usage
from agentnet.errors import AgentNetError, LimitReached, ModelError

LONGEST_ERROR = 300


class Recording(Protocol):
    """What the calls of a turn need of their run."""

    run: str
    budget: Budget
    messages: dict[str, Message]

    async def record(
        self, body: Body, *, sender: str, node: str, round: int, usage: Usage | None, id: str | None
    ) -> Message:
        """Record a message, and return it."""
        ...


def call_id(run: str, node: str, round: int, agent: str, index: int) -> str:
    """Return the id of the message of a turn's call, counted from 0."""
    return message_id(run, node, round, f"{agent}\x1fcall {index}")


@dataclass(frozen=True, slots=True)
class ToolTurn:
    """The calls of one agent at one node of a run."""

    run: Recording
    agent: str
    user: ToolUser
    node: str
    round: int

    async def take(self, turn: Turn) -> tuple[Sequence[ToolCall], Usage, AgentNetError | None]:
        """Return the calls of a turn with their results, the usage that no message of theirs has, and what ended them.

        Each counts as a call of the run's budget. They end early where a limit is reached, and with a plan that cannot
        be used. Raises `LimitReached` and other errors of planning itself.
        """
        plan = await self._planned(turn)
        planned, planning = plan.calls, plan.usage
        made: list[ToolCall] = []
        for index, call in enumerate(planned):
            message = self.run.messages.get(self._id(index))
            if message is None:
                try:
                    message = await self._made(turn, call, planned[index + 1 :] if index == 0 else (), index, planning)
                except LimitReached as error:
                    return made, planning, error
                planning = Usage()
            assert isinstance(message.body, ToolCall), f"message {message.id} is no call of a tool"
            made.append(message.body)
        return made, planning, plan.failure

    def _id(self, index: int) -> str:
        return call_id(self.run.run, self.node, self.round, self.agent, index)

    async def _planned(self, turn: Turn) -> PlannedTurn:
        """The calls of a turn: those that its first call names, if it was made, else those that are planned now."""
        first = self.run.messages.get(self._id(0))
        if first is not None and isinstance(first.body, ToolCall):
            own = PlannedCall(tool=first.body.tool, arguments=first.body.arguments)
            return PlannedTurn((own, *first.body.pending))
        budget = self.run.budget
        most = self.user.most(turn) if budget.counts_tokens else Usage()
        reservation = budget.reserve(most.tokens, most.cost)
        used = Usage()
        try:
            async with asyncio.timeout(budget.seconds_left):
                plan = await self.user.plan(turn)
            used = plan.usage
        except TimeoutError:
            raise self._late("planned its calls") from None
        except AgentNetError:
            raise
        except Exception as error:
            raise ModelError(f"{self.agent} failed in its turn ({type(error).__name__}: {error})") from error
        finally:
            budget.settle(reservation, used)
        return plan

    async def _made(
        self, turn: Turn, call: PlannedCall, pending: Sequence[PlannedCall], index: int, planning: Usage
    ) -> Message:
        """Make a call, and return its message. `planning` is what planning took, if it is the first."""
        budget = self.run.budget
        reservation = budget.reserve(0, 0.0)
        id = self._id(index)
        used, began = Usage(), time.perf_counter()
        try:
            async with asyncio.timeout(budget.seconds_left):
                body = await self.user.make(turn, call, id)
            used = Usage(calls=1, seconds=time.perf_counter() - began)
        except TimeoutError:
            raise self._late(f"waited for {call.tool}") from None
        except Exception as error:
            why = f"{call.tool} failed ({type(error).__name__}: {shown(str(error), LONGEST_ERROR)})"
            body = ToolCall(tool=call.tool, arguments=call.arguments, error=why)
            used = Usage(calls=1, seconds=time.perf_counter() - began)
        finally:
            budget.settle(reservation, used)
        body = body.model_copy(update={"turn": turn.message, "pending": tuple(pending)})
        return await self.run.record(
            body, sender=self.agent, node=self.node, round=self.round, usage=planning + used, id=id
        )

    def _late(self, what: str) -> LimitReached:
        return LimitReached(
            f"the limit of {self.run.budget.limits.seconds:g} seconds ran out while {self.agent} {what}"
        )
