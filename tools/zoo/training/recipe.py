"""What a model of the zoo is made of: shape, tokenizer, drills and schedule; see ``tools/zoo/recipes.yaml``."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from tools.zoo.training.shape import Arch, Shape, Tokenizer

RECIPES = Path(__file__).parents[1] / "recipes.yaml"


@dataclass(frozen=True, config={"extra": "forbid"})
class Recipe:
    """One model. Two runs of one recipe on one machine with equally many threads give the same weights."""

    name: str
    description: str
    roles: list[str]
    arch: Arch
    tokenizer: Tokenizer
    width: int
    layers: int
    heads: int
    kv_heads: int
    ffn: int
    mixture: dict[str, float]
    """Weights of drills, such as ``{"solve:math": 2, "verify:math": 1}``."""
    steps: int
    vocab: int = 0
    """Size of a ``bpe`` vocabulary; of no meaning to ``chars``."""
    context: int = 512
    tied: bool = True
    head_dim: int = 0
    """Of ``qwen3``, which may choose it; 0 means width / heads."""
    batch_tokens: int = 4096
    peak_lr: float = 3e-3
    warmup: int = 100
    seed: int = 1

    def shape(self, vocab: int) -> Shape:
        """The tensors' sizes, once the number of tokens is known."""
        return Shape(
            arch=self.arch,
            vocab=vocab,
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim or self.width // self.heads,
            ffn=self.ffn,
            context=self.context,
            tied=self.tied,
        )


def load_recipes(path: Path = RECIPES) -> dict[str, Recipe]:
    """Every recipe of a YAML file that maps names to fields."""
    named = yaml.safe_load(path.read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, Recipe]).validate_python(
        {name: {"name": name, **fields} for name, fields in named.items()}
    )
