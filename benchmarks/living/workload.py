"""Runs of a simulated network: what is asked of which member, round by round, in tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from agentnet.models.node.prefixes import BLOCK_TOKENS, Prompt

MEMBERS = 10
INSTRUCTION = 40
"""Tokens at the end of a prompt that no other prompt shares."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a member."""

    member: int
    prompt: Prompt
    reply: int
    """Tokens that the member writes."""


@dataclass(slots=True)
class Run:
    """A run: rounds that follow each other, the turns of each at once."""

    number: int
    arrives: float
    rounds: list[list[Turn]]


def runs(count: int, every: float, seed: int) -> Iterator[Run]:
    """Yield runs that arrive at random, `every` so many seconds on average: debates, votes, verifications and
    delegations."""
    draw = random.Random(seed)
    now = 0.0
    for number in range(count):
        now += draw.expovariate(1 / every)
        kind = draw.choice((_debate, _vote, _verification, _delegation))
        yield Run(number, now, list(kind(number, draw)))


def _debate(run: int, draw: random.Random) -> Iterator[list[Turn]]:
    members = draw.sample(range(MEMBERS), 4)
    transcript = draw.randint(100, 600)
    for _ in range(3):
        turns = [_turn(run, member, transcript, draw) for member in members]
        yield turns
        transcript += sum(turn.reply for turn in turns)


def _vote(run: int, draw: random.Random) -> Iterator[list[Turn]]:
    task = draw.randint(100, 600)
    yield [_turn(run, member, task, draw) for member in draw.sample(range(MEMBERS), 5)]


def _verification(run: int, draw: random.Random) -> Iterator[list[Turn]]:
    proposer, verifier = draw.sample(range(MEMBERS), 2)
    transcript = draw.randint(100, 600)
    for _ in range(draw.randint(1, 3)):
        for member in (proposer, verifier):
            turn = _turn(run, member, transcript, draw)
            yield [turn]
            transcript += turn.reply


def _delegation(run: int, draw: random.Random) -> Iterator[list[Turn]]:
    planner, *workers = draw.sample(range(MEMBERS), 4)
    task = draw.randint(200, 800)
    yield [_turn(run, planner, task, draw)]
    steps = [_turn(run, member, task, draw) for member in workers]
    yield steps
    yield [_turn(run, planner, task + sum(turn.reply for turn in steps), draw)]


def _turn(run: int, member: int, shared: int, draw: random.Random) -> Turn:
    """A turn whose prompt begins with `shared` tokens of the run's transcript."""
    blocks = tuple(f"{run}/{block}".encode() for block in range(shared // BLOCK_TOKENS))
    return Turn(member, Prompt(shared + INSTRUCTION, blocks), draw.randint(40, 240))
