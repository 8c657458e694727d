"""Measuring the zoo with AgentNet's own inference: held-out items through the compact prompt pack and llama.cpp.

`python -m tools.zoo.measure [NAME …]` measures the models and writes their cards.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import yaml

from agentnet.agents import Agent, ModelAgent, Turn, candidate
from agentnet.answers import same
from agentnet.contracts.bodies import Body, Plan, Proposal, Task, Verdict
from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.gguf import read_header
from agentnet.models.pool import ModelPool
from agentnet.network.measuring import Question, measure
from agentnet.prompts import find_pack
from agentnet.zoo import catalog
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import Item, distinct
from tools.zoo.training.recipe import Recipe, load_recipes

ITEMS = 300
SEED = 20_261
SOLVED = ("math", "facts", "reading", "symbols", "compound")
"""The families that every solver is asked, its own or not."""


async def measured(agent: Agent, drill: str, count: int = ITEMS, seed: int = SEED) -> Measured:
    """Measure an agent on `count` held-out items of a drill, such as ``solve:math``."""
    role, _, family = drill.partition(":")
    items = distinct(FAMILIES[family], "test", seed, count)
    suite = f"{count} held-out items of {drill}, seed {seed}, greedy"
    questions = [_question(role, item, place) for place, item in enumerate(items)]
    return await measure(agent, questions, suite=suite, seed=seed)


def _question(role: str, item: Item, place: int) -> Question:
    """An item as a turn. A verifier is shown a right answer at every other place, a wrong one between them."""
    shown = item.answer if place % 2 else item.wrong[place // 2 % len(item.wrong)]
    read = [candidate(shown)] if role == "verify" else []
    turn = Turn(role, Task(text=item.question), read=read, labels=sorted(FAMILIES))
    return Question(turn, lambda body: _agrees(body, item, shown))


def _agrees(body: Body, item: Item, shown: str) -> bool:
    match body:
        case Proposal():
            return same(body.answer, item.answer)
        case Verdict():
            return (body.verdict == "approve") == same(shown, item.answer)
        case Plan():
            return [(step.label, step.ask) for step in body.steps] == [(hop.label, hop.ask) for hop in item.plan]
        case _:
            return False


def drills_of(recipe: Recipe) -> list[str]:
    """What a model is measured on: every family if it solves, and its duties beside that."""
    solves = any(drill.startswith("solve:") for drill in recipe.mixture)
    duties = [drill for drill in recipe.mixture if drill.startswith(("plan:", "verify:"))]
    return [*(f"solve:{family}" for family in SOLVED if solves), *duties]


async def write_card(recipe: Recipe, count: int = ITEMS) -> Path:
    """Measure a model's file and write its card; returns the card's path."""
    file = catalog.MODELS / f"{recipe.name}.gguf"
    header = read_header(file)
    async with ModelPool(base=Path.cwd()) as pool:
        model = await pool.acquire(LlamaSpec(path=str(file), threads=1, reuse_prefix=False, sequences=1))
        sampling = Sampling(max_tokens=catalog.MAX_TOKENS)
        agent = ModelAgent(recipe.name, model, Card(), find_pack("compact"), sampling)
        found = {drill.removeprefix("solve:"): await measured(agent, drill, count) for drill in drills_of(recipe)}
    card = catalog.ZooCard(
        description=recipe.description,
        roles=tuple(recipe.roles),
        measured=found,
        license="Apache-2.0",
        parameters=header.parameters,
        file=file.name,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        bytes=file.stat().st_size,
        architecture=header.architecture,
        tokenizer=recipe.tokenizer,
        vocabulary=header.vocabulary,
        context=header.context,
        drills=recipe.mixture,
        steps=recipe.steps,
        tokens=recipe.steps * recipe.batch_tokens,
        seed=recipe.seed,
    )
    place = catalog.CARDS / f"{recipe.name}.yaml"
    place.parent.mkdir(exist_ok=True)
    place.write_text(yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, width=120), encoding="utf-8")
    return place


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the named models, or all that have a file."""
    recipes = load_recipes()
    parser = argparse.ArgumentParser(prog="python -m tools.zoo.measure", description=main.__doc__)
    parser.add_argument("names", nargs="*", choices=[*recipes, []], metavar="NAME")
    parser.add_argument("--items", type=int, default=ITEMS)
    chosen = parser.parse_args(arguments)
    for name in chosen.names or [name for name in recipes if (catalog.MODELS / f"{name}.gguf").is_file()]:
        place = asyncio.run(write_card(recipes[name], chosen.items))
        scores = yaml.safe_load(place.read_text(encoding="utf-8"))["measured"]
        print(name, {label: round(score["accuracy"], 3) for label, score in scores.items()})


if __name__ == "__main__":
    main()
