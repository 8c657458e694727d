"""`delegate`: a typed plan, its steps assigned to the agents that fit, independent steps side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from agentnet.agents.base import Need
from agentnet.collab.base import Binding, Combinator
from agentnet.collab.best import ranking
from agentnet.collab.binding import replace
from agentnet.collab.combinators import agents_of
from agentnet.collab.context import RunContext
from agentnet.collab.decisions import approval, rule_needs
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.splitting import fitted, undivided
from agentnet.collab.state import State, initial_state
from agentnet.contracts.bodies import Assignment, Error, Plan, Result, Step, answer_of
from agentnet.contracts.cards import Card
from agentnet.contracts.messages import COORDINATOR, Message
from agentnet.contracts.protocols import Delegate, Expression, Synthesize
from agentnet.prompts.words import filled


class DelegateCombinator(Combinator[Delegate]):
    """START → plan → dispatch → (each ready step to its worker → dispatch)* → merge → END.

    A step whose worker fails goes to the next best worker; when no worker can do it, the run has no answer. With
    ``split: needed`` the coordinator plans instead of the planner where there is nothing to split (see `splitting`).
    """

    own_nodes = frozenset({"plan", "dispatch", "merge"})

    def bind(self, delegate: Delegate, binder: Binding, path: str) -> Delegate:
        workers = binder.expressions(delegate.workers, f"{path}.delegate.workers")
        binder.require_single(workers, f"{path}.delegate.workers")
        merge = binder.rule(delegate.merge, f"{path}.delegate.merge")
        planner = binder.agent(delegate.planner, f"{path}.delegate.planner")
        return replace(delegate, planner=planner, workers=workers, merge=merge)

    def needs(self, delegate: Delegate, *, reads: bool, confidence: bool) -> Iterator[Need]:
        yield Need(delegate.planner, "plan")
        yield from rule_needs(delegate.merge)

    def super_steps(self, delegate: Delegate) -> int:
        return 2 * delegate.max_steps * len(delegate.workers)

    def build(self, delegate: Delegate, graph: GraphBuilder) -> None:
        workers = graph.children(delegate.workers)

        async def plan(state: State, runtime: Runtime[RunContext]) -> State:
            run, task = runtime.context, runtime.context.task(state["task"])
            planner = run.agent(delegate.planner, task.label)
            if delegate.split == "needed" and (own := undivided(task, planner.card, _cards(delegate.workers, run))):
                node = f"{state['scope']}/plan"
                planned = await run.record(own, sender=COORDINATOR, node=node, reply_to=(state["task"],))
                return {"outputs": {"plan": [planned.id]}}
            planned = await run.ask(
                planner,
                "plan",
                node=f"{state['scope']}/plan",
                round=0,
                task=state["task"],
                view=state["visible"],
                labels=known_labels(delegate.workers, run),
                max_steps=delegate.max_steps,
            )
            if delegate.split == "needed" and isinstance(planned.body, Plan):
                body = fitted(planned.body, task)
                if body != planned.body:
                    node = f"{state['scope']}/fitted"
                    planned = await run.record(body, sender=COORDINATOR, node=node, reply_to=(planned.id,))
            return {"outputs": {"plan": [planned.id]}}

        async def dispatch(state: State, runtime: Runtime[RunContext]) -> Command[str]:
            run = runtime.context
            planned = _planned(state, run).body
            if not isinstance(planned, Plan):
                return Command(goto="merge")
            ready = [(step, len(_attempts(step, state))) for step in _ready(planned, state, run)]
            if any(attempt == len(workers) for _, attempt in ready):
                return Command(goto="merge")
            sends: list[Send] = []
            for step, attempt in ready:
                worker = workers[ranking(delegate.workers, run, step.label)[attempt]]
                sends.append(Send(worker, await _assign(planned, step, attempt, worker, state, run)))
            return Command(goto=sends or "merge")

        async def merge(state: State, runtime: Runtime[RunContext]) -> State:
            return {"outcome": await _merge(delegate, state, runtime.context)}

        graph.node("plan", plan)
        graph.node("dispatch", dispatch, goes_to=(*workers, "merge"))
        graph.node("merge", merge)
        graph.begin("plan")
        graph.edge("plan", *workers, end="dispatch")
        graph.end("merge")


def known_labels(workers: Sequence[Expression], run: RunContext) -> list[str]:
    """Return the labels that the workers' cards know: what a plan may ask for.

    They are those that were measured, or where none was, those that are claimed: the planner reads them.
    """
    cards = _cards(workers, run)
    measured = {label for card in cards for label in card.measured}
    return sorted(measured or {label for card in cards for label in card.claims})


def _cards(workers: Sequence[Expression], run: RunContext) -> list[Card]:
    return [run.agent(name, None).card for part in workers for name in agents_of(part)]


def _planned(state: State, run: RunContext) -> Message:
    """Return the planner's message: a plan, or an error."""
    (message,) = run.get(state["outputs"]["plan"])
    return message


def _ready(plan: Plan, state: State, run: RunContext) -> list[Step]:
    """Return the steps that are not answered yet, while all that they need is."""
    answers = {step.id: _answer(step, state, run) for step in plan.steps}
    return [
        step
        for step in plan.steps
        if answers[step.id] is None and all(answers[need] is not None for need in step.needs)
    ]


def _branches(step: Step) -> str:
    """Return what the branches of a step begin with in the state; each attempt at it has one, numbered from 0."""
    return f"step-{step.id}."


def _attempts(step: Step, state: State) -> list[list[str]]:
    """Return what each attempt at a step ended with so far, one for each worker that tried it."""
    return [ids for branch, ids in state["outputs"].items() if branch.startswith(_branches(step))]


def _answer(step: Step, state: State, run: RunContext) -> Message | None:
    """Return the message that answers a step, once there is one."""
    answered = [message for ids in _attempts(step, state) for message in run.answered(ids)]
    return answered[0] if answered else None


async def _assign(plan: Plan, step: Step, attempt: int, worker: str, state: State, run: RunContext) -> State:
    """Record the assignment, with the answers that the step refers to filled in; return the state of the worker."""
    needed = {str(other.id): _answer(other, state, run) for other in plan.steps if other.id in step.needs}
    answers = {id: answer for id, message in needed.items() if message and (answer := answer_of(message.body))}
    branch = f"{_branches(step)}{attempt}"
    assignment = await run.record(
        Assignment(
            step=step.id,
            agent=worker,
            text=filled(step.ask, answers),
            label=step.label,
            ask=step.ask,
            answers=answers,
        ),
        sender=COORDINATOR,
        node=f"{state['scope']}/assign/{branch}",
        recipients=(worker,),
        reply_to=[message.id for message in needed.values() if message],
    )
    return {**initial_state(state["scope"], assignment.id), "branch": branch}


async def _merge(delegate: Delegate, state: State, run: RunContext) -> list[str]:
    """Return the outcome, as ids: an answer from those of the steps, or an `Error` where the plan or one is missing."""
    node = f"{state['scope']}/merge"
    planned = _planned(state, run)
    if not isinstance(planned.body, Plan):
        detail = planned.body.detail if isinstance(planned.body, Error) else "the planner gave no plan"
        error = Error(code="no-plan", detail=detail)
        return [(await run.record(error, sender=COORDINATOR, node=node, reply_to=(planned.id,))).id]
    steps = planned.body.steps
    answers = [_answer(step, state, run) for step in steps]
    sources = [message.id for message in answers if message]
    last = answers[-1]
    if last is None:
        missing = next(step for step, answer in zip(steps, answers, strict=True) if answer is None)
        detail = f"no worker answered step {missing.id} ({missing.label}): {missing.ask}"
        error = Error(code="no-answer", detail=detail)
        return [(await run.record(error, sender=COORDINATOR, node=node, reply_to=sources)).id]
    if isinstance(delegate.merge, Synthesize):
        agent = run.agent(delegate.merge.agent, run.task(state["task"]).label)
        synthesis = await run.ask(agent, "synthesize", node=node, round=0, task=state["task"], view=sources)
        if answer_of(synthesis.body) is not None:
            return [synthesis.id]
    result = Result(
        answer=answer_of(last.body) or "",
        decision="last step of the plan",
        sources=tuple(sources),
        approved=approval([last]),
    )
    return [(await run.record(result, sender=COORDINATOR, node=node, reply_to=sources)).id]


COMBINATOR = DelegateCombinator()
