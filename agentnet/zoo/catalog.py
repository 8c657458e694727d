"""The shipped models: their files, their cards, and their network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from agentnet.contracts.cards import Card
from agentnet.contracts.grades import Grades
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
"""Most tokens of a reply: the longest plan of the zoo has some 280 characters."""


class ZooCard(Card):
    """The card of a shipped model: an agent's card with facts about the file and its training."""

    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int
    architecture: str
    tokenizer: str
    vocabulary: int
    context: int
    drills: dict[str, float] = Field(description="training mixture: drill → weight")
    steps: int
    tokens: int = Field(description="tokens of training, prompts included")
    seed: int

    @property
    def agent_card(self) -> Card:
        return Card.model_validate(self.model_dump(include=set(Card.model_fields)))


@cache
def zoo_cards() -> dict[str, ZooCard]:
    """Return every shipped model's card by name, generalists first: the order of the zoo network."""
    cards = {path.stem: read_yaml(path, ZooCard, NetworkError) for path in CARDS.glob("*.yaml")}
    duties = ("generalist", "specialist", "planner", "verifier")

    def rank(name: str) -> tuple[int, str]:
        return min((duties.index(role) for role in cards[name].roles if role in duties), default=len(duties)), name

    return {name: cards[name] for name in sorted(cards, key=rank)}


def card(name: str) -> Card:
    """Return the agent card of a zoo model. Raises `ModelFileError` for an unknown name."""
    return _find(name).agent_card


def path(name: str) -> Path:
    """Return the GGUF file of a zoo model. Raises `ModelFileError` for an unknown name."""
    return MODELS / _find(name).file


def network(*, sequences: int = 1) -> NetworkSpec:
    """Return the zoo as a network: every shipped model is one agent. Decoding is greedy, with one thread per model.

    With one sequence, repeated replies are bit-equal; with more, requests are decoded together, and faster.
    """
    if not zoo_cards():
        raise NetworkError(f"{MODELS}: the zoo has no models; install agentnet-ai again")
    return NetworkSpec(
        name="zoo",
        description="The embedded zoo: tiny models, real inference.",
        grades=grades(),
        agents=tuple(
            AgentSpec(
                name=name,
                model=LlamaSpec(path=f"zoo:{name}", threads=1, reuse_prefix=sequences > 1, sequences=sequences),
                card=known.agent_card,
                pack=PACK,
                sampling=Sampling(max_tokens=MAX_TOKENS),
                vouched=True,
            )
            for name, known in zoo_cards().items()
        ),
    )


@cache
def grades() -> Grades:
    """Return how the solvers of the zoo graded each other.

    ``agentnet grade --network zoo-batched --family math --family facts --family reading --family symbols --items 30
    --score`` made them.
    """
    return read_yaml(_HERE / "grades.yaml", Grades, NetworkError)


def _find(name: str) -> ZooCard:
    cards = zoo_cards()
    if name not in cards:
        raise ModelFileError(f"no zoo model {name!r}: the zoo has {', '.join(cards)}")
    return cards[name]
