"""The shipped zoo is what its cards say."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from agentnet.agents import ModelAgent
from agentnet.contracts.cards import Card
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelFileError
from agentnet.models.gguf import read_header
from agentnet.models.llama import LlamaModel
from agentnet.prompts import find_pack
from agentnet.zoo import catalog
from tools.zoo.measure import drills_of, measured
from tools.zoo.training.recipe import load_recipes

NAMES = list(catalog.zoo_cards())


def test_the_zoo_is_heterogeneous_and_small() -> None:
    cards = catalog.zoo_cards().values()
    assert len(cards) >= 7
    assert len({card.architecture for card in cards}) >= 2
    assert len({(card.tokenizer, card.vocabulary) for card in cards}) >= 3
    assert len({card.parameters for card in cards}) >= 3
    assert sum(card.bytes for card in cards) <= 16 * 2**20
    roles = [role for card in cards for role in card.roles]
    assert roles.count("specialist") >= 3
    assert roles.count("generalist") >= 2
    assert {"planner", "verifier", "judge", "aggregator"} <= set(roles)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_describes_its_file(name: str) -> None:
    card, path = catalog.zoo_cards()[name], catalog.path(name)
    header = read_header(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card.sha256
    assert path.stat().st_size == card.bytes
    assert (header.architecture, header.parameters, header.vocabulary, header.context) == (
        card.architecture,
        card.parameters,
        card.vocabulary,
        card.context,
    )
    assert header.name == name


@pytest.mark.parametrize("name", NAMES)
def test_a_card_comes_from_its_recipe(name: str) -> None:
    card, recipe = catalog.zoo_cards()[name], load_recipes()[name]
    assert card.drills == recipe.mixture
    assert (card.steps, card.seed, card.tokenizer) == (recipe.steps, recipe.seed, recipe.tokenizer)
    assert card.roles == tuple(recipe.roles)
    assert set(card.measured) == {drill.removeprefix("solve:") for drill in drills_of(recipe)}


@pytest.mark.parametrize("name", NAMES)
def test_the_first_score_of_a_card_is_found_again(name: str) -> None:
    """On fewer items than the card's, which are the first of them: the score must lie within four standard errors."""
    drill = drills_of(load_recipes()[name])[0]
    said = catalog.zoo_cards()[name].measured[drill.removeprefix("solve:")].accuracy
    path = catalog.path(name)
    model = LlamaModel(path, LlamaSpec(path=str(path), reuse_prefix=False, sequences=1, threads=1))
    agent = ModelAgent(name, model, Card(), find_pack("compact"), Sampling(max_tokens=catalog.MAX_TOKENS))

    async def again() -> float:
        try:
            return (await measured(agent, drill, 50)).accuracy
        finally:
            await model.close()

    found = asyncio.run(again())
    assert abs(found - said) <= 4 * max(0.02, (said * (1 - said) / 50) ** 0.5)


def test_an_unknown_model_is_refused_with_the_known_names() -> None:
    with pytest.raises(ModelFileError, match="planner"):
        catalog.path("unheard-of")
