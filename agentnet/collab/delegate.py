"""`delegate`: a typed plan, its steps assigned to the agents that fit, independent steps side by side."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from agentnet.collab.best import ranking
from agentnet.collab.binding import agents_of
from agentnet.collab.context import COORDINATOR, RunContext
from agentnet.collab.graph_builder import GraphBuilder, parents_view
from agentnet.collab.splitting import fitted, undivided
from agentnet.collab.state import State
from agentnet.contracts.bodies import REFERENCE, Assignment, Error, Plan, Result, Step, answer_of
from agentnet.contracts.cards import Card
from agentnet.contracts.messages import Message
from agentnet.contracts.protocols import Delegate, Expression, Synthesize


def draw(delegate: Delegate, builder: GraphBuilder) -> None:
    """START → plan → dispatch → (each ready step to its worker → dispatch)* → merge → END.

    A step whose worker fails goes to the next best worker; when no worker can do it, the run has no answer. With
    ``split: needed`` the coordinator plans instead of the planner where there is nothing to split (see `splitting`).
    """
    workers = builder.children(delegate.workers, parents_view)

    async def plan(state: State, runtime: Runtime[RunContext]) -> State:
        run, task = runtime.context, runtime.context.task(state["task"])
        planner = run.agent(delegate.planner, task.label)
        if delegate.split == "needed" and (own := undivided(task, planner.card, _cards(delegate.workers, run))):
            planned = await run.record(own, sender=COORDINATOR, node=f"{state['scope']}/plan")
            return {"said": {"plan": [planned.id]}}
        said = await run.ask(
            planner,
            "plan",
            node=f"{state['scope']}/plan",
            round=0,
            task=state["task"],
            view=state["view"],
            labels=known_labels(delegate.workers, run),
            max_steps=delegate.max_steps,
        )
        if (
            delegate.split == "needed"
            and isinstance(said.body, Plan)
            and (body := fitted(said.body, task)) != said.body
        ):
            said = await run.record(body, sender=COORDINATOR, node=f"{state['scope']}/fitted", reply_to=(said.id,))
        return {"said": {"plan": [said.id]}}

    async def dispatch(state: State, runtime: Runtime[RunContext]) -> Command[str]:
        run = runtime.context
        body = run.get(state["said"]["plan"])[0].body
        if not isinstance(body, Plan):
            return Command(goto="merge")
        sends: list[Send] = []
        ready = [(step, len(_attempts(step, state))) for step in _ready(body, state, run)]
        if any(attempt == len(workers) for _, attempt in ready):
            return Command(goto="merge")
        for step, attempt in ready:
            worker = ranking(delegate.workers, run, step.label)[attempt]
            assigned = await _assign(step, attempt, workers[worker], state, run)
            sends.append(Send(workers[worker], assigned))
        return Command(goto=sends or "merge")

    async def merge(state: State, runtime: Runtime[RunContext]) -> State:
        return {"outcome": await _merge(delegate, state, runtime.context)}

    builder.node("plan", plan)
    builder.node("dispatch", dispatch, goes_to=(*workers, "merge"))
    builder.node("merge", merge)
    builder.begin("plan")
    builder.edge("plan", *workers, end="dispatch")
    builder.end("merge")


def known_labels(workers: Sequence[Expression], run: RunContext) -> list[str]:
    """The labels that the workers' cards know: what a plan may ask for."""
    return sorted({label for card in _cards(workers, run) for label in card.labels})


def _cards(workers: Sequence[Expression], run: RunContext) -> list[Card]:
    return [run.agent(name, None).card for part in workers for name in agents_of(part)]


def _ready(plan: Plan, state: State, run: RunContext) -> list[Step]:
    """The steps that are not answered yet, while all that they need is."""
    answers = {step.id: _answer(step, state, run) for step in plan.steps}
    return [
        step
        for step in plan.steps
        if answers[step.id] is None and all(answers[need] is not None for need in step.needs)
    ]


def _attempts(step: Step, state: State) -> list[list[str]]:
    """The outcomes of a step so far, one for each worker that tried it."""
    return [ids for slot, ids in state["said"].items() if slot.startswith(f"step-{step.id}.")]


def _answer(step: Step, state: State, run: RunContext) -> Message | None:
    """The message that answers a step, once there is one."""
    answered = [message for ids in _attempts(step, state) for message in run.answered(ids)]
    return answered[0] if answered else None


async def _assign(step: Step, attempt: int, worker: str, state: State, run: RunContext) -> State:
    """Record the assignment, with the answers that the step refers to filled in, and state it for the worker's node."""
    plan = run.get(state["said"]["plan"])[0].body
    assert isinstance(plan, Plan)
    answers = {other.id: _answer(other, state, run) for other in plan.steps if other.id in step.needs}
    text = REFERENCE.sub(lambda found: _filled(found.group(0), answers.get(int(found.group(1)))), step.ask)
    slot = f"step-{step.id}.{attempt}"
    assignment = await run.record(
        Assignment(step=step.id, agent=worker, text=text, label=step.label),
        sender=COORDINATOR,
        node=f"{state['scope']}/assign/{slot}",
        recipients=(worker,),
        reply_to=[message.id for message in answers.values() if message],
    )
    return {"scope": state["scope"], "task": assignment.id, "view": [], "slot": slot, "said": {}, "round": 0}


def _filled(reference: str, answer: Message | None) -> str:
    return (answer_of(answer.body) or reference) if answer else reference


async def _merge(delegate: Delegate, state: State, run: RunContext) -> list[str]:
    node = f"{state['scope']}/merge"
    planned = run.get(state["said"]["plan"])[0]
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
        error = Error(
            code="no-answer", detail=f"nobody could answer step {missing.id} ({missing.label}): {missing.ask}"
        )
        return [(await run.record(error, sender=COORDINATOR, node=node, reply_to=sources)).id]
    if isinstance(delegate.merge, Synthesize):
        agent = run.agent(delegate.merge.agent, run.task(state["task"]).label)
        said = await run.ask(agent, "synthesize", node=node, round=0, task=state["task"], view=sources)
        if answer_of(said.body) is not None:
            return [said.id]
    result = Result(answer=answer_of(last.body) or "", decision="last step of the plan", sources=tuple(sources))
    return [(await run.record(result, sender=COORDINATOR, node=node, reply_to=sources)).id]
