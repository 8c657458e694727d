"""`split: needed`: what needs no splitting goes whole to the best worker, and a plan has to be one for the task."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentnet.agents import Agent
from agentnet.collab.splitting import fitted, undivided
from agentnet.contracts.bodies import Assignment, Error, Plan, Step, Task
from agentnet.contracts.cards import Card, Measured
from agentnet.coordinator import Coordinator, Outcome
from tests.scripted import agent, kinds, network, plan, prompts, requests, says, spec

SUM = Task(text="What is 17 × 23?", label="math")
NEEDED = {"delegate": {"split": "needed"}}


def measured(**accuracy: float) -> Card:
    return Card(
        measured={label.replace("_", ":"): Measured(accuracy=share, items=9) for label, share in accuracy.items()}
    )


def team(planned: str) -> tuple[Agent, Agent, Agent]:
    """A planner that was measured to plan compound tasks, and two workers that were measured at math."""
    pam, ada, ben = agent("pam", says(planned)), agent("ada", says("=> 391")), agent("ben", says("=> 390"))
    return (
        replace(pam, card=measured(plan_compound=1).model_copy(update={"roles": ("planner",)})),
        replace(ada, card=measured(math=0.4)),
        replace(ben, card=measured(math=0.3)),
    )


async def run(task: Task, *members: Agent, protocol: object = NEEDED) -> Outcome:
    return await Coordinator(network(*members)).run(task, spec(protocol))


async def test_a_kind_of_task_that_a_worker_knows_and_the_planner_does_not_goes_whole_to_the_best_worker() -> None:
    pam, ada, ben = team(plan(("math", "nonsense")))
    outcome = await run(SUM, pam, ada, ben)
    assert outcome.answer == "391"
    assert outcome.usage.calls == 1
    assert prompts(ada) == [f"{SUM.text}\nsolve"]
    assert kinds(outcome.messages) == ["task", "plan", "assignment", "proposal", "result"]
    assert outcome.messages[1].sender == "coordinator"


async def test_by_default_the_planner_plans_whatever_is_asked() -> None:
    pam, ada, ben = team(plan(("math", "nonsense")))
    await run(SUM, pam, ada, ben, protocol={"delegate": {}})
    assert len(requests(pam)) == 1
    assert prompts(ada) == ["nonsense\nsolve"]


@pytest.mark.parametrize(
    ("label", "planner", "worker"),
    [
        (None, measured(plan_compound=1), measured(math=1)),
        ("compound", measured(plan_compound=0.1), measured(compound=1)),
        ("math", measured(math=1), measured(math=1)),
        ("math", Card(), measured(math=1)),
        ("math", measured(plan_compound=1), measured(facts=1)),
        ("math", measured(plan_compound=1), Card(claims={"math": 1})),
    ],
    ids=["no label", "planned", "measured at answering", "not measured", "unknown label", "claimed only"],
)
def test_otherwise_the_planner_is_to_plan(label: str | None, planner: Card, worker: Card) -> None:
    assert undivided(Task(text="?", label=label), planner, [worker]) is None


def test_the_number_of_a_reference_in_a_task_is_left_as_it_is() -> None:
    task = Task(text="Who is #1?", label="facts")
    found = undivided(task, measured(plan_compound=1), [measured(facts=1)])
    assert found == Plan(steps=(Step(id=1, label="facts", ask="Who is #1?"),))


async def test_a_plan_that_has_the_task_as_a_step_comes_down_to_that_step() -> None:
    pam, ada, ben = team(plan(("math", "what is  17 × 23?"), ("letters", "What is the first letter of #1?")))
    outcome = await run(Task(text=SUM.text), pam, ada, ben)
    assert outcome.answer == "391"
    assert [message.body.text for message in outcome.messages if isinstance(message.body, Assignment)] == [
        "what is  17 × 23?"
    ]
    assert kinds(outcome.messages) == ["task", "plan", "plan", "assignment", "proposal", "result"]


async def test_a_plan_for_something_else_is_refused_in_one_line() -> None:
    pam, ada, ben = team(plan(("facts", "What is the capital of Turkey?"), ("letters", "The first letter of #1?")))
    outcome = await run(Task(text=SUM.text), pam, ada, ben)
    assert outcome.status == "failed"
    assert outcome.detail.startswith("the plan is for something else: it has none of the task's numbers (17, 23) and")
    assert not requests(ada)


def steps(*asks: str) -> Plan:
    return Plan(steps=tuple(Step(id=place, label="x", ask=ask) for place, ask in enumerate(asks, start=1)))


@pytest.mark.parametrize(
    ("task", "asks"),
    [
        ("What is 17 × 23?", ["Multiply 23 by seventeen."]),
        ("Who was president of the USA in 1969?", ["Find the PRESIDENT."]),
        ("Wie heißt die Hauptstadt von Peru?", ["What is the capital?"]),
        ("Which planet is number 3?", ["Name the planets in order.", "Take number 3 of #1."]),
    ],
)
def test_a_plan_that_may_be_for_the_task_is_left_as_it_is(task: str, asks: list[str]) -> None:
    assert fitted(steps(*asks), Task(text=task)) == steps(*asks)


def test_a_reference_is_no_number_of_the_task() -> None:
    found = fitted(steps("Name a city.", "Reverse #1."), Task(text="What is 1 + 1?"))
    assert isinstance(found, Error)
