"""Short passages with a yes/no question: quantity, order, negation, place and possession, with distractors.

Each solution quotes its evidence from the passage before it says yes or no, and half of the answers are yes.
"""

from __future__ import annotations

import random
from itertools import pairwise
from typing import NamedTuple

from agentnet.zoo.families.base import Item, comparison
from agentnet.zoo.families.lexicon import OBJECTS, person
from agentnet.zoo.families.problem import Problem

MAX_PASSAGE = 150

HOLDINGS = ("{a} has {n} {o}.", "{a} owns {n} {o}.", "{a} bought {n} {o}.", "There are {n} {o} in the bag of {a}.")
MORE = ("Does {a} have more {o} than {b}?", "Is it true that {a} has more {o} than {b}?")
FEWER = ("Does {a} have fewer {o} than {b}?", "Is it true that {a} has fewer {o} than {b}?")
SAME = ("Do {a} and {b} have the same number of {o}?", "Does {a} have as many {o} as {b}?")
EXACTLY = ("Does {a} have {n} {o}?", "Is {n} the number of {o} that {a} has?")


class Scale(NamedTuple):
    """A relation that orders people: how it is told and asked, in both directions, and who is at its ends."""

    told: tuple[str, str]
    asked: tuple[str, str]
    ends: tuple[str, str]


SCALES = (
    *(
        Scale(
            (f"{{a}} is {more} than {{b}}.", f"{{a}} is {less} than {{b}}."),
            (f"Is {{a}} {more} than {{b}}?", f"Is {{a}} {less} than {{b}}?"),
            (f"Is {{a}} the {most} of the three?", f"Is {{a}} the {least} of the three?"),
        )
        for more, less, most, least in (
            ("taller", "shorter", "tallest", "shortest"),
            ("older", "younger", "oldest", "youngest"),
            ("faster", "slower", "fastest", "slowest"),
            ("stronger", "weaker", "strongest", "weakest"),
            ("richer", "poorer", "richest", "poorest"),
        )
    ),
    *(
        Scale(
            (f"{{a}} {past} before {{b}}.", f"{{a}} {past} after {{b}}."),
            (f"Did {{a}} {verb} before {{b}}?", f"Did {{a}} {verb} after {{b}}?"),
            (f"Did {{a}} {verb} first?", f"Did {{a}} {verb} last?"),
        )
        for verb, past in (("arrive", "arrived"), ("leave", "left"), ("finish", "finished"), ("speak", "spoke"))
    ),
)

TRAITS = (
    ("{a} likes {t}.", "{a} does not like {t}.", "Does {a} like {t}?", "Is it true that {a} does not like {t}?"),
    ("{a} can {v}.", "{a} cannot {v}.", "Can {a} {v}?", "Is {a} unable to {v}?"),
    ("{a} has a {p}.", "{a} has no {p}.", "Does {a} have a {p}?", "Is {a} without a {p}?"),
    ("{a} is {m}.", "{a} is not {m}.", "Is {a} {m}?", "Is it true that {a} is not {m}?"),
    ("{a} will {v}.", "{a} will not {v}.", "Will {a} {v}?", "Is it true that {a} will not {v}?"),
)
TRAIT_WORDS = {
    "t": ("tea", "milk", "rice", "soup", "fish", "bread", "music", "chess", "snow", "cheese", "honey", "plums"),
    "v": ("swim", "sing", "dance", "cook", "ski", "drive", "paint", "skate", "run", "dive"),
    "p": ("dog", "cat", "bike", "boat", "car", "horse", "garden", "piano", "sister", "brother", "kite", "drum"),
    "m": ("tired", "happy", "hungry", "busy", "late", "ill", "brave", "rich", "sad", "calm", "angry", "awake"),
}

PLACES = ("park", "shop", "school", "garden", "kitchen", "library", "station", "barn", "office", "market", "cave")
THINGS = ("key", "ball", "book", "coin", "ring", "map", "lamp", "doll", "cup", "letter", "knife", "stone", "hat")
HOLDERS = ("box", "bag", "drawer", "basket", "chest", "jar", "pocket", "bucket", "case", "trunk")
STAYS = ("{a} is in the {p}.", "{a} waits in the {p}.", "{a} works in the {p}.", "{a} sits in the {p}.")
MOVES = (
    "{a} went to the {p}.",
    "Then {a} walked to the {p}.",
    "{a} moved to the {p}.",
    "Later {a} ran to the {p}.",
)
WHERE = (
    "Is {a} in the {p}?",
    "Is {a} in the {p} now?",
    "Is it true that {a} is in the {p}?",
    "Would you find {a} in the {p}?",
)

OWNS = ("{a} has the {t}.", "The {t} belongs to {a}.", "{a} found the {t}.", "{a} carries the {t}.")
GIVES = (
    "{a} gave the {t} to {b}.",
    "{b} took the {t} from {a}.",
    "{b} bought the {t} from {a}.",
    "{a} sold {b} the {t}.",
)
OWNER = (
    "Does {a} have the {t}?",
    "Is the {t} with {a} now?",
    "Is it true that {a} has the {t}?",
    "Does {a} hold the {t}?",
)

DISTRACTORS = (
    "It is raining.",
    "The sun shines.",
    "The door is red.",
    "A dog barks.",
    "It is Monday.",
    "The bus is late.",
    "{a} is at home.",
    "{a} sings well.",
    "{a} met a friend.",
    "{a} reads a lot.",
    "{a} likes the sea.",
    "{a} wears a blue hat.",
)


class ReadingFamily:
    """Two to four sentences and a question that they settle."""

    name = "reading"

    def generate(self, rng: random.Random) -> Item:
        kind = rng.choice((_quantity, _quantity, _order, _order, _negation, _negation, _location, _possession))
        while True:
            passage, question, evidence, truth = kind(rng, rng.random() < 0.5)
            if len(passage) < 2 or (len(passage) < 4 and rng.random() < 0.4):
                passage.insert(rng.randint(0, len(passage)), _distractor(rng, f"{passage} {question}"))
            text = " ".join(passage)
            if len(text) <= MAX_PASSAGE:
                answer, opposite = ("yes", "no") if truth else ("no", "yes")
                return Problem(f"{text} {question}", evidence, answer, (opposite, "unknown")).item(self.name)


READING = ReadingFamily()

Told = tuple[list[str], str, str, bool]
"""Sentences, question, evidence and whether the answer is yes."""


def _quantity(rng: random.Random, truth: bool) -> Told:
    """``Ana 5,Tom 3,5>3,asked <``"""
    a, b, c = _people(rng, 3)
    thing = rng.choice(OBJECTS)
    top = rng.choice((12, 99))
    n = rng.randint(2, top)
    kind = rng.choice(("compare", "compare", "same", "exactly"))
    if kind == "exactly":
        asked = n if truth else _other(rng, n, top)
        question = rng.choice(EXACTLY).format(a=a, n=asked, o=thing)
        passage = [_holding(rng, a, n, thing), _holding(rng, b, _other(rng, n, top) if truth else asked, thing)]
        return _shuffled(rng, passage), question, f"{a} {n},asked {comparison(str(n), str(asked))}", truth
    m = n if kind == "same" and truth else _other(rng, n, top)
    asked_sign = "=" if kind == "same" else ">" if (n > m) == truth else "<"
    template = rng.choice({"=": SAME, ">": MORE, "<": FEWER}[asked_sign])
    passage = [_holding(rng, a, n, thing), _holding(rng, b, m, thing)]
    if rng.random() < 0.3:
        passage.append(_holding(rng, c, rng.randint(2, top), thing))
    sign = ">" if n > m else "<" if n < m else "="
    question = template.format(a=a, b=b, o=thing)
    return _shuffled(rng, passage), question, f"{a} {n},{b} {m},{n}{sign}{m},asked {asked_sign}", truth


def _order(rng: random.Random, truth: bool) -> Told:
    """``Ana>Tom>Eva,Ana>Eva,asked Eva: …``: the chain, the two asked about (or its end), who should be first."""
    chain = _people(rng, 3)
    scale = rng.choice(SCALES)
    passage = [_related(rng, scale, high, low) for high, low in (chain[:2], chain[1:])]
    whole = ">".join(chain)
    if rng.random() < 0.3:
        end = rng.choice((0, 1))
        right = chain[-end]
        asked = right if truth else rng.choice([each for each in chain if each != right])
        evidence = f"{whole},{'last' if end else 'first'} {right},asked {_compared(right, asked)}"
        return _shuffled(rng, passage), scale.ends[end].format(a=asked), evidence, truth
    high, low = rng.choice(((0, 2), (0, 2), (0, 1), (1, 2)))
    a, b = rng.sample((chain[high], chain[low]), 2)
    forward = (a == chain[high]) == truth
    question = scale.asked[0 if forward else 1].format(a=a, b=b)
    first = a if forward else b
    evidence = f"{whole},{chain[high]}>{chain[low]},asked {_compared(chain[high], first)}"
    return _shuffled(rng, passage), question, evidence, truth


def _related(rng: random.Random, scale: Scale, high: str, low: str) -> str:
    if rng.random() < 0.5:
        return scale.told[0].format(a=high, b=low)
    return scale.told[1].format(a=low, b=high)


def _negation(rng: random.Random, truth: bool) -> Told:
    """``Tom tea no,asked yes``: the answer is yes when the two agree."""
    a, b = _people(rng, 2)
    positive, negative, *questions = rng.choice(TRAITS)
    slot = next(key for key in TRAIT_WORDS if f"{{{key}}}" in positive)
    words = rng.sample(TRAIT_WORDS[slot], 2)
    holds = rng.random() < 0.5
    told = (positive if holds else negative).format(a=a, **{slot: words[0]})
    other = rng.choice((positive, negative, negative if holds else positive))
    passage = [told, other.format(a=b, **{slot: words[0]})]
    if rng.random() < 0.3:
        passage.append(rng.choice((positive, negative)).format(a=a, **{slot: words[1]}))
    asked = holds == truth
    question = questions[0 if asked else 1].format(a=a, **{slot: words[0]})
    said = {True: "yes", False: "no"}
    return _shuffled(rng, passage), question, f"{a} {words[0]} {said[holds]},asked {said[asked]}", truth


def _location(rng: random.Random, truth: bool) -> Told:
    """``Ana park>shop,asked …`` for one who moved, ``key box,box barn,asked …`` for a thing inside another."""
    a, b = _people(rng, 2)
    here, there, elsewhere = rng.sample(PLACES, 3)
    kind = rng.choice(("stay", "move", "move", "inside"))
    if kind == "inside":
        thing, holder = rng.choice(THINGS), rng.choice(HOLDERS)
        passage = [f"The {thing} is in the {holder}.", f"The {holder} is in the {here}."]
        passage.append(rng.choice(STAYS).format(a=a, p=there))
        asked = here if truth else there
        question = rng.choice(WHERE).format(a=f"the {thing}", p=asked)
        evidence = f"{thing} {holder},{holder} {here},asked {_compared(here, asked)}"
        return _shuffled(rng, passage), question, evidence, truth
    passage = [rng.choice(STAYS).format(a=a, p=here)]
    last, path = here, f"{a} {here}"
    if kind == "move":
        passage.append(rng.choice(MOVES).format(a=a, p=there))
        last, path = there, f"{path}>{there}"
    other = here if kind == "move" else there
    passage.insert(rng.randint(0, len(passage)), rng.choice(STAYS).format(a=b, p=rng.choice((other, elsewhere))))
    asked = last if truth else other
    question = rng.choice(WHERE).format(a=a, p=asked)
    return passage, question, f"{path},asked {_compared(last, asked)}", truth


def _possession(rng: random.Random, truth: bool) -> Told:
    """``ball Ana>Tom,asked …``: every owner in turn."""
    owners = _people(rng, rng.choice((2, 2, 3)))
    thing, spare = rng.sample(THINGS, 2)
    passage = [rng.choice(OWNS).format(a=owners[0], t=thing)]
    passage += [rng.choice(GIVES).format(a=old, b=new, t=thing) for old, new in pairwise(owners)]
    if len(owners) == 2 and rng.random() < 0.4:
        passage.insert(rng.randint(0, 2), rng.choice(OWNS).format(a=rng.choice(owners), t=spare))
    asked = owners[-1] if truth else rng.choice(owners[:-1])
    question = rng.choice(OWNER).format(a=asked, t=thing)
    evidence = f"{thing} {'>'.join(owners)},asked {_compared(owners[-1], asked)}"
    return passage, question, evidence, truth


def _compared(found: str, asked: str) -> str:
    """What was found and what is asked for, compared by their first letters."""
    return comparison(found, asked, signs=4)


def _distractor(rng: random.Random, told: str) -> str:
    """A sentence about the world, or about someone whom nothing else is told of."""
    while (stranger := person(rng)) in told:
        pass
    return rng.choice(DISTRACTORS).format(a=stranger)


def _holding(rng: random.Random, who: str, number: int, thing: str) -> str:
    return rng.choice(HOLDINGS).format(a=who, n=number, o=thing)


def _other(rng: random.Random, number: int, top: int) -> int:
    while (other := rng.randint(2, top)) == number:
        pass
    return other


def _people(rng: random.Random, count: int) -> list[str]:
    while len(people := list({person(rng): None for _ in range(count)})) < count:
        pass
    return people


def _shuffled(rng: random.Random, sentences: list[str]) -> list[str]:
    return rng.sample(sentences, len(sentences))
