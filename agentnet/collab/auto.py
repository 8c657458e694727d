"""`auto`: the system that was found best for the kind of task, chosen before anything is asked.

What was found is a session's policy (`agentnet.contracts.policies`), or cases that a protocol writes out. Where there
are none, the expression comes down to `best`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from langgraph.runtime import Runtime
from langgraph.types import Command

from agentnet.collab.base import Binding, Combinator
from agentnet.collab.best import ranking
from agentnet.collab.binding import replace
from agentnet.collab.combinators import yields_one
from agentnet.collab.context import RunContext
from agentnet.collab.graph_builder import GraphBuilder
from agentnet.collab.state import State
from agentnet.contracts.bodies import Analysis
from agentnet.contracts.messages import COORDINATOR
from agentnet.contracts.policies import ALL, Candidate, Policy
from agentnet.contracts.protocols import Ask, Auto, Best, Case, Expression, System
from agentnet.errors import ProtocolError


class AutoCombinator(Combinator[Auto]):
    """START → choose → one of the systems, or the best by card → END.

    The choice is recorded as an `Analysis`, which states the task for the system that follows.
    """

    own_nodes = frozenset({"choose"})
    asks_all = False
    analyzes = True

    def bind(self, auto: Auto, binder: Binding, path: str) -> Auto | Best:
        among = binder.expressions(auto.among, f"{path}.auto.among")
        if not auto.systems and binder.policy is not None:
            auto = _learned(auto, binder.policy, binder, path)
        else:
            systems = [
                System(
                    name=system.name,
                    protocol=binder.expression(system.protocol, f"{path}.auto.systems[{index}].protocol"),
                )
                for index, system in enumerate(auto.systems)
            ]
            auto = replace(auto, systems=tuple(systems))
        return replace(auto, among=among) if auto.cases else Best(among=among)

    def children(self, auto: Auto) -> tuple[Expression, ...]:
        return (*(system.protocol for system in auto.systems), *auto.among)

    def yields_one(self, auto: Auto) -> bool:
        return all(yields_one(part) for part in self.children(auto))

    def build(self, auto: Auto, graph: GraphBuilder) -> None:
        nodes = dict(zip(_names(auto), graph.children(self.children(auto), ends=True), strict=True))

        async def choose(state: State, runtime: Runtime[RunContext]) -> Command[str]:
            run = runtime.context
            analysis = run.analyzed(state["task"])
            use, why = choice(auto, run, analysis, state["scope"])
            message = await run.record(
                analysis.model_copy(update={"use": use, "why": why}),
                sender=COORDINATOR,
                node=f"{state['scope']}/choose",
                reply_to=(state["task"],),
            )
            chosen = message.body.use if isinstance(message.body, Analysis) else use  # as recorded, if resumed
            return Command(goto=nodes[chosen], update={"task": message.id})

        graph.node("choose", choose, goes_to=tuple(nodes.values()))
        graph.begin("choose")
        for node in nodes.values():
            graph.end(node)


def choice(auto: Auto, run: RunContext, analysis: Analysis, scope: str) -> tuple[str, str]:
    """Return the name of the system that a bound expression uses for a task, and why, as one sentence.

    A member of which the evidence does not know is used where its card proves more than the system was right. A share
    `explore` of the tasks is given to a system drawn at random; the draw depends on the run's seed and the task.
    """
    label = analysis.label
    if auto.explore > 0 and (tried := _explored(auto, run, analysis, scope)):
        return tried, f"tried on a share of {100 * auto.explore:g} % of the tasks, to learn"
    case = next((case for case in auto.cases if case.label == label), None) or next(
        (case for case in auto.cases if case.label is None), None
    )
    if case is None:
        best = ranking(auto.among, run, label)[0]
        return _names(auto)[len(auto.systems) + best], "the best by its card: no system was tried on such tasks"
    if case.right is not None and (newcomer := _newcomer(auto, run, label)) is not None:
        name, proven = newcomer
        if proven > case.right:
            return name, f"joined since: proven right on {100 * proven:.0f} %, {case.use} on {100 * case.right:.0f} %"
    return case.use, case.why


def _newcomer(auto: Auto, run: RunContext, label: str | None) -> tuple[str, float] | None:
    """Return the best single agent that the evidence does not know, and its proven accuracy; None if there is none."""
    proven = {
        part.agent: bound
        for part in auto.among
        if isinstance(part, Ask)
        and part.agent not in auto.known
        and (bound := run.agent(part.agent, label).card.proven(label)) is not None
    }
    return max(proven.items(), key=lambda entry: entry[1]) if proven else None


def _explored(auto: Auto, run: RunContext, analysis: Analysis, scope: str) -> str | None:
    """Return the system that is tried on a task, if the task is one of those; the same each time."""
    drawn = hashlib.sha256(f"explore\x1f{run.seed}\x1f{scope}\x1f{analysis.text}".encode()).digest()
    if int.from_bytes(drawn[:8], "big") >= auto.explore * 2**64:
        return None
    return auto.systems[int.from_bytes(drawn[8:16], "big") % len(auto.systems)].name


def _names(auto: Auto) -> list[str]:
    """Return the names of the children, each once: the systems' own, and for the others their agent or their kind."""
    names = [system.name for system in auto.systems]
    for part in auto.among:
        name = plain = part.agent if isinstance(part, Ask) else part.kind
        number = 1
        while name in names:
            number += 1
            name = f"{plain} ({number})"
        names.append(name)
    return names


def _learned(auto: Auto, policy: Policy, binder: Binding, path: str) -> Auto:
    """Return the expression with the systems of a policy and the cases for them, as far as their members are there."""
    tried = policy.candidates if auto.explore or policy.explore else _used(policy)
    systems = list(_bound(tried, binder, f"{path}.auto"))
    present = {system.name for system in systems}
    cases = [case for case in _cases(policy) if case.use in present]
    return replace(
        auto,
        systems=tuple(systems) if cases else (),
        cases=_first_of_each_label(cases),
        known=tuple(policy.network.members),
        explore=auto.explore or policy.explore,
    )


def _used(policy: Policy) -> list[Candidate]:
    names = dict.fromkeys([policy.default, *(choice.use for choice in policy.choices)])
    return [policy.candidate(name) for name in names]


def _bound(candidates: Sequence[Candidate], binder: Binding, path: str) -> Iterator[System]:
    """Yield the candidates as systems; one whose member left is left out."""
    for candidate in candidates:
        try:
            protocol = binder.expression(candidate.protocol, f"{path}.systems.{candidate.name}")
        except ProtocolError:
            continue
        yield System(name=candidate.name, protocol=protocol)


def _cases(policy: Policy) -> Iterator[Case]:
    """Yield the cases of a policy, for each label the first choice first: those chosen, then the default's."""
    right = {(estimate.candidate, estimate.label): estimate.accuracy for estimate in policy.estimates}
    labels = dict.fromkeys([*(estimate.label for estimate in policy.estimates), ALL])
    for chosen in sorted(policy.choices, key=lambda choice: choice.label == ALL):
        gain = f"{100 * chosen.gain:+.0f} points against {chosen.instead_of} on {chosen.items} such tasks"
        for label in labels if chosen.label == ALL else [chosen.label]:
            yield Case(
                label=None if label == ALL else label,
                use=chosen.use,
                right=right.get((chosen.use, label)),
                why=chosen.why or gain,
            )
    for estimate in policy.estimates:
        if estimate.candidate == policy.default and estimate.label != ALL:
            why = f"right on {100 * estimate.accuracy:.0f} % of {estimate.items}, and nothing was better for certain"
            yield Case(label=estimate.label, use=policy.default, right=estimate.accuracy, why=why)
    why = "the best in advance over all kinds of tasks"
    yield Case(use=policy.default, right=right.get((policy.default, ALL)), why=why)


def _first_of_each_label(cases: Sequence[Case]) -> tuple[Case, ...]:
    first: dict[str | None, Case] = {}
    for case in cases:
        first.setdefault(case.label, case)
    return tuple(first.values())


COMBINATOR = AutoCombinator()
