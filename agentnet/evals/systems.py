"""From a suite to the systems that it compares: its own, every member alone, and the best member asked again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agentnet.collab.binding import Binder
from agentnet.collab.combinators import agents_of
from agentnet.collab.inline import INLINE, protocol_from, read_protocol
from agentnet.contracts.evaluations import System, SystemKind
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.protocols import Ask, Auto, Best, Expression, Parallel, Serial
from agentnet.errors import BadInput
from agentnet.evals.attack.systems import attacked
from agentnet.evals.mutual import expected_grades
from agentnet.evals.suite import Entry, SuiteSpec, Sweep, SystemSpec
from agentnet.evals.sweeps import swept, system
from agentnet.policy.learning.portfolio import usual_systems

BEST = "best, in advance"
SAMPLES, CORRECTIONS = "self-consistency", "self-correction"


def members_of(selectors: Sequence[str], network: NetworkSpec) -> tuple[str, ...]:
    """Return the names of the agents that some selectors mean. Raises `ProtocolError`."""
    asked = Parallel(branches=tuple(Ask(agent=selector) for selector in selectors))
    return tuple(agents_of(Binder(network).bind(asked, "members")))


def systems_of(suite: SuiteSpec, network: NetworkSpec, folder: Path) -> tuple[System, ...]:
    """Return every member alone, then the systems of the suite. Raises `BadInput` for what cannot be bound.

    `folder` is where the suite's own paths start from.
    """
    members = members_of(suite.members, network)
    if suite.grades is not None and network.grades is None:
        network = network.model_copy(update={"grades": expected_grades(members)})
    systems = [system(name, Ask(agent=name)).model_copy(update={"kind": "member"}) for name in members]
    systems += _entries(suite.systems, network, folder)
    if suite.learn is not None:
        candidates = _entries(suite.learn.candidates, network, folder)
        if suite.learn.usual:
            named = {candidate.name for candidate in (*systems, *candidates)}
            usual = usual_systems(network, members)
            candidates += [system(name, expression, usual=True) for name, expression in usual if name not in named]
        systems += [
            candidate.model_copy(update={"kind": "candidate"})
            for candidate in candidates
            if not isinstance(candidate.protocol.protocol, Auto)
        ]
    names = [found.name for found in systems]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadInput(f"two systems are called {min(twice)!r}: give one of them another `name`")
    known = {dataset.called for dataset in suite.datasets}
    for found in systems:
        if unknown := set(found.datasets) - known:
            raise BadInput(f"system {found.name!r} is tried on {min(unknown)!r}, which is no dataset of the suite")
        Binder(network).bind(found.protocol.protocol, found.name)
    if suite.attacks is not None:
        own = [found for found in systems if found.kind == "system"]
        liars = members_of(suite.attacks.members, network)
        systems += attacked(own, suite.attacks, liars, network, suite.seed)
    return tuple(systems)


def _entries(entries: Sequence[Entry], network: NetworkSpec, folder: Path) -> list[System]:
    systems: list[System] = []
    for entry in entries:
        if isinstance(entry, Sweep):
            systems += swept(entry, members_of(entry.members, network))
        else:
            try:
                systems.append(_written(entry, folder, network))
            except BadInput as error:
                raise BadInput(f"system {(entry.name or entry.protocol)!r}: {error}") from error
    return systems


def samples(members: Sequence[str], network: NetworkSpec, dataset: str, times: int, temperature: float) -> System:
    """Return the best member, asked `times` times with different seeds.

    Self-consistency: Wang et al., arXiv 2203.11171.
    """
    own = {agent.name: agent.sampling for agent in network.agents}
    asked = tuple(
        Parallel(
            branches=(Ask(agent=name, sampling=own[name].model_copy(update={"temperature": temperature})),),
            times=times,
        )
        for name in members
    )
    return _repeated(SAMPLES, "samples", asked, dataset, times)


def corrections(members: Sequence[str], dataset: str, times: int) -> System:
    """Return the best member, which reads its own answer and answers again (isolated self-correction)."""
    asked = tuple(Serial(steps=(Ask(agent=name), *(Ask(agent=name, role="revise"),) * (times - 1))) for name in members)
    return _repeated(CORRECTIONS, "corrections", asked, dataset, times)


def _repeated(name: str, kind: SystemKind, among: tuple[Expression, ...], dataset: str, times: int) -> System:
    made = system(name, Best(among=among), times=times)
    return made.model_copy(update={"kind": kind, "datasets": (dataset,)})


def _written(entry: SystemSpec, folder: Path, network: NetworkSpec) -> System:
    """A system whose protocol the suite names or spells out."""
    if isinstance(entry.protocol, str):
        protocol, _ = read_protocol(entry.protocol, beside=folder, agents=[agent.name for agent in network.agents])
        name = entry.name or (protocol.name if protocol.name != INLINE else entry.protocol)
    else:
        if not entry.name:
            raise BadInput("a system that is spelled out needs a `name`")
        name, protocol = entry.name, protocol_from(entry.protocol, summary=entry.name)
    return System(
        name=name,
        protocol=protocol.model_copy(update={"floor": 0.0}),  # an evaluation measures answers: nothing is refused
        datasets=entry.datasets,
        unlabelled=entry.unlabelled,
        group=entry.group,
        facts=entry.facts,
    )
