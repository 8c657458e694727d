"""Sweeps: one system for each point of an experiment, in the order of its curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import get_args

from agentnet.collab.inline import INLINE
from agentnet.contracts.evaluations import System
from agentnet.contracts.protocols import (
    Ask,
    Auto,
    Debate,
    Expression,
    Fuse,
    Parallel,
    ProtocolSpec,
    Route,
    Serial,
    Settled,
    Weighted,
)
from agentnet.errors import BadInput
from agentnet.evals.online import subsets
from agentnet.evals.suite import Sweep

ARROW = " → "
ALONE = "alone"
AUTO = "auto"
STRATEGIES: tuple[str, ...] = get_args(Fuse.model_fields["strategy"].annotation)


def swept(sweep: Sweep, members: Sequence[str]) -> list[System]:
    """Return the systems of a sweep over some members of the network. Raises `BadInput` where there is none."""
    match sweep.sweep:
        case "paths":
            points = _paths(members, sweep.shapes)
        case "subsets":
            points = _subsets(members, sweep.by)
        case "pairs":
            points = _pairs(members, sweep.by)
        case "rounds":
            points = _rounds(members, sweep.rounds)
        case "hops":
            points = _hops(members, sweep.hops, sweep.settled)
    systems = [point.model_copy(update={"datasets": sweep.datasets}) for point in points]
    if not systems:
        raise BadInput(f"sweep {sweep.sweep} over {', '.join(members)}: it makes no system; name more members")
    return systems


def together(members: Sequence[str], by: str) -> Expression:
    """Return an expression by which members answer together.

    `by` is ``vote``, ``weighted``, ``auto`` (what the network learned), or a strategy of fusion, by pieces
    (``duetnet``) or by bytes (``duetnet-bytes``). Raises `BadInput` for anything else.
    """
    strategy, bytewise = by.removesuffix("-bytes"), by.endswith("-bytes")
    if by == AUTO:
        return Auto(among=_each(members))
    if by == "vote":
        return Parallel(branches=_each(members))
    if by == "weighted":
        return Parallel(branches=_each(members), decide=Weighted())
    if strategy in STRATEGIES:
        return Fuse.model_validate(
            {"members": tuple(members), "strategy": strategy, "level": "bytes" if bytewise else "pieces"}
        )
    raise BadInput(
        f"members cannot answer together by {by!r}: say vote, weighted, auto, or one of {', '.join(STRATEGIES)}"
    )


def system(name: str, expression: Expression, *, group: str = "", **facts: object) -> System:
    """Return an expression as a system to compare."""
    protocol = ProtocolSpec(name=INLINE, summary=name, protocol=expression)
    return System(name=name, protocol=protocol, group=group, facts=facts)


def _paths(members: Sequence[str], shapes: Sequence[str]) -> Iterator[System]:
    """Serial and parallel inference and their two compositions, over all orders (AI-Model Network, section 3).

    S2P: a chain of members answers, then all members read its answer and answer in parallel. P2S: all members answer in
    parallel, then a chain of members revises what they decided.
    """
    orders = list(permutations(members))
    if "serial" in shapes:
        for order in orders:
            yield system(_named("serial", order), Serial(steps=_each(order)), group="serial", path=list(order))
    if "parallel" in shapes:
        yield system("parallel", Fuse(members=tuple(members), strategy="pi"), group="parallel", path=list(members))
    group = Parallel(branches=_each(members))
    for chain in permutations(members, 2) if len(members) > 1 else ():
        if "s2p" in shapes:
            s2p = Serial(steps=(Serial(steps=_each(chain)), group))
            yield system(_named("s2p", chain), s2p, group="s2p", path=list(chain))
    for chain in permutations(members, 2) if len(members) > 1 else ():
        if "p2s" in shapes:
            p2s = Serial(steps=(group, Serial(steps=_each(chain))))
            yield system(_named("p2s", chain), p2s, group="p2s", path=list(chain))


def _subsets(members: Sequence[str], ways: Sequence[str]) -> Iterator[System]:
    """Every set of members that is not empty. A member alone is one system, whatever the ways to decide."""
    for some in subsets(members):
        if len(some) == 1:
            yield system(f"{some[0]} is online", Ask(agent=some[0]), group="online", members=list(some), by=ALONE)
            continue
        for by in ways:
            name = f"{by} of {' + '.join(some)}"
            point = system(name, together(some, by), group="online", members=list(some), by=by)
            away = tuple(name for name in members if name not in some) if by == AUTO else ()
            yield point.model_copy(update={"away": away})


def _pairs(members: Sequence[str], ways: Sequence[str]) -> Iterator[System]:
    for pair in combinations(members, 2):
        for by in ways:
            yield system(
                f"{by} of {' + '.join(pair)}", together(pair, by), group=f"pairs by {by}", members=list(pair), by=by
            )


def _rounds(members: Sequence[str], rounds: Sequence[int]) -> Iterator[System]:
    for count in rounds:
        debate = Debate(members=_each(members), rounds=count, stop="never")
        yield system(f"debate, {count} round{'s' * (count > 1)}", debate, group="rounds", rounds=count)


def _hops(members: Sequence[str], hops: Sequence[int], settled: Settled) -> Iterator[System]:
    """Dynamic collaborative routing by α, with C and C′, and with C without an end at approval (section 3.6)."""
    for choose, name in (("c", "C"), ("c-prime", "C′")):
        for count in hops:
            route = Route(members=tuple(members), hops=count, choose=choose, by=settled)
            yield system(f"route by {name}, α {count}", route, group="hops", hops=count, by=name)
    for count in hops:
        route = Route(members=tuple(members), hops=count, by=settled, stop="never")
        yield system(f"route by C to the end, α {count}", route, group="hops", hops=count, by="C to the end")


def _each(names: Sequence[str]) -> tuple[Expression, ...]:
    return tuple(Ask(agent=name) for name in names)


def _named(shape: str, order: Sequence[str]) -> str:
    return f"{shape} {ARROW.join(order)}"
