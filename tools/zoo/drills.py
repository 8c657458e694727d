"""Training examples for the zoo: items of the task families, put into the very prompts that protocols render.

A drill is named ``ROLE:FAMILY``: ``solve:math``, ``revise:facts``, ``verify:math``, ``choose:symbols``,
``plan:compound``.
Peers' answers in a prompt are right or wrong at random, so that a model learns to read its peers without trusting them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

from agentnet.contracts.bodies import Task
from agentnet.prompts import Entry, Pack, find_pack
from agentnet.prompts.transcript import letter
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import MARKER, Item, Split, comparison, items

PEER_IS_RIGHT = 0.55
VERIFIER_IS_RIGHT = 0.9
JUDGED = 0.3
"""Share of revisions that answer a verifier's verdict."""


def pairs(mixture: dict[str, float], split: Split, seed: int) -> Iterator[tuple[str, str]]:
    """An endless stream of (user message, reply) drawn from weighted drills; reproducible by seed."""
    rng = random.Random(f"drills/{seed}")
    pack = find_pack("compact")
    names, weights = list(mixture), list(mixture.values())
    streams = {name: items(FAMILIES[name.partition(":")[2]], split, seed + place) for place, name in enumerate(names)}
    while True:
        (name,) = rng.choices(names, weights)
        yield _DRILLS[name.partition(":")[0]](next(streams[name]), rng, pack)


def _solve(item: Item, rng: random.Random, pack: Pack) -> tuple[str, str]:
    return pack.render("solve", Task(text=item.question)), item.solution


def _revise(item: Item, rng: random.Random, pack: Pack) -> tuple[str, str]:
    """Among peers, work the answer out again; after a verdict that names the right answer, adopt it: ``B => 225``."""
    if rng.random() < JUDGED:
        said = _judged(item, rng)
        adopted = f"{said[1].letter} {MARKER} {item.answer}"
        reply = adopted if said[1].answer == item.answer else item.solution
    else:
        said = [_peer(item, rng, place) for place in range(rng.choice((1, 1, 2, 3, 4)))]
        reply = item.solution
    return pack.render("revise", Task(text=item.question), said), reply


def _verify(item: Item, rng: random.Random, pack: Pack) -> tuple[str, str]:
    said = _entry(0, item.answer if rng.random() < 0.5 else rng.choice(item.wrong))
    compared = f"{item.solution} vs {comparison(item.answer, said.answer)} {MARKER} {item.answer}"
    verdict = {"reason": compared, "verdict": "approve" if said.answer == item.answer else "disapprove"}
    return pack.render("verify", Task(text=item.question), [said]), compact_json(verdict)


def _choose(item: Item, rng: random.Random, pack: Pack) -> tuple[str, str]:
    answers = [item.answer] + [
        rng.choice((item.answer, *item.wrong, *item.wrong)) for _ in range(rng.choice((1, 2, 3)))
    ]
    rng.shuffle(answers)
    said = [_entry(place, answer) for place, answer in enumerate(answers)]
    compared = " ".join(f"{entry.letter} {comparison(item.answer, entry.answer)}" for entry in said)
    vote = {
        "reason": f"{item.solution} vs {compared} {MARKER} {item.answer}",
        "choice": letter(answers.index(item.answer)),
    }
    return pack.render("choose", Task(text=item.question), said), compact_json(vote)


def _plan(item: Item, rng: random.Random, pack: Pack) -> tuple[str, str]:
    steps = [{"label": hop.label, "ask": hop.ask} for hop in item.plan]
    return pack.render("plan", Task(text=item.question)), compact_json({"steps": steps})


def compact_json(value: object) -> str:
    """JSON without spaces: the form in which the zoo writes structured replies."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _peer(item: Item, rng: random.Random, place: int) -> Entry:
    return _entry(place, item.answer if rng.random() < PEER_IS_RIGHT else rng.choice(item.wrong))


def _judged(item: Item, rng: random.Random) -> list[Entry]:
    """A peer's answer and a verifier's verdict on it, which is mostly sound."""
    peer = _peer(item, rng, 0)
    found = item.answer if rng.random() < VERIFIER_IS_RIGHT else rng.choice(item.wrong)
    return [peer, _entry(1, found, "approve" if found == peer.answer else "disapprove")]


def _entry(place: int, answer: str, verdict: str = "") -> Entry:
    return Entry(letter(place), "peer", "verdict" if verdict else "proposal", answer, answer, verdict)


_DRILLS: dict[str, Callable[[Item, random.Random, Pack], tuple[str, str]]] = {
    "solve": _solve,
    "revise": _revise,
    "verify": _verify,
    "choose": _choose,
    "plan": _plan,
}
