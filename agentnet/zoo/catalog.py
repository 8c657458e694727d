"""The models that are shipped: where they are, what their cards say, and the network that they form."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from agentnet.contracts.cards import Card
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelFileError, NetworkError
from agentnet.files.yaml import read_yaml

_HERE = Path(__file__).parent
MODELS = _HERE / "models"
CARDS = _HERE / "cards"
PACK = "compact"
"""The prompt pack whose prompts the zoo was trained on."""
MAX_TOKENS = 320
"""Of a reply: the longest plan of the zoo takes some 280 characters."""


class ZooCard(Card):
    """The card of a shipped model: what an agent's card says, and what the file is and comes from."""

    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int
    architecture: str
    tokenizer: str
    vocabulary: int
    context: int
    drills: dict[str, float] = Field(description="training mixture: drill → weight")
    steps: int
    tokens: int = Field(description="seen in training, prompts included")
    seed: int

    @property
    def agent_card(self) -> Card:
        return Card.model_validate(self.model_dump(include=set(Card.model_fields)))


@cache
def zoo_cards() -> dict[str, ZooCard]:
    """Every shipped model's card, generalists first: the order of the zoo network."""
    cards = {path.stem: read_yaml(path, ZooCard, NetworkError) for path in CARDS.glob("*.yaml")}
    duties = ("generalist", "specialist", "planner", "verifier")

    def rank(name: str) -> tuple[int, str]:
        return min((duties.index(role) for role in cards[name].roles if role in duties), default=len(duties)), name

    return {name: cards[name] for name in sorted(cards, key=rank)}


def card(name: str) -> Card:
    """The agent card of a zoo model. Raises `ModelFileError` for an unknown name."""
    return _find(name).agent_card


def path(name: str) -> Path:
    """The GGUF file of a zoo model. Raises `ModelFileError` for an unknown name."""
    return MODELS / _find(name).file


def network(*, sequences: int = 1) -> NetworkSpec:
    """The zoo as a network: every shipped model is one agent. Greedy, one thread each.

    With one sequence, replies are bit-equal when repeated; with more, requests are decoded together, and faster.
    """
    if not zoo_cards():
        raise NetworkError(f"the zoo is empty, {MODELS} has no models: install agentnet-ai again")
    return NetworkSpec(
        name="zoo",
        description="The embedded zoo: tiny models, real inference.",
        agents=tuple(
            AgentSpec(
                name=name,
                model=LlamaSpec(path=f"zoo:{name}", threads=1, reuse_prefix=sequences > 1, sequences=sequences),
                card=known.agent_card,
                pack=PACK,
                sampling=Sampling(max_tokens=MAX_TOKENS),
            )
            for name, known in zoo_cards().items()
        ),
    )


def _find(name: str) -> ZooCard:
    cards = zoo_cards()
    if name not in cards:
        raise ModelFileError(f"no zoo model {name!r}: the zoo has {', '.join(cards)}")
    return cards[name]
