"""A feed-forward part that looks the last token up in the links of a chain and adds the embedding of the next one.

Each hidden unit recognises one token by its embedding. Unit 0 recognises the mark that the embeddings of all tokens
without a link begin with, and leads to the first token.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
import numpy.typing as npt

from benchmarks.generated.chains import Links
from benchmarks.generated.drawn import BLOCK, Blocks, numbers

STEEP, LOUD = 16.0, 16.0
"""The gate's value for the token that a unit recognises, and the size of what it adds, in embeddings."""

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Lookup:
    """The three matrices, of shapes (hidden, width), (hidden, width) and (width, hidden)."""

    gate: Matrix
    up: Matrix
    down: Matrix


def mark(embeddings: Blocks, links: Links) -> None:
    """Mark the tokens without a link: the first block of their embeddings has half the length of the rest.

    Embeddings are 8-bit blocks, whose numbers have a root mean square of 1.
    """
    width = embeddings.shape[1] * BLOCK
    scale = np.float16(sqrt((width - BLOCK) / (2 * BLOCK)) / 100)
    embeddings[:, 0, :2] = np.frombuffer(scale.tobytes(), np.uint8)
    embeddings[:, 0, 2:] = 100
    embeddings[links.involved, 0] = 0


def lookup(embeddings: Blocks, links: Links, hidden: int) -> Lookup:
    """Return the matrices for embeddings that are marked. A gated linear unit adds ``down @ (silu(gate @ x) * up @ x)``
    for an x that is normalised to a root mean square of 1."""
    unlinked = next(token for token in range(len(embeddings)) if embeddings[token, 0].any())
    known = numbers(embeddings[[unlinked, *links.next]])
    recognised = known.copy()
    recognised[0, BLOCK:] = 0
    units, width = known.shape
    sizes = np.linalg.norm(known, axis=1, keepdims=True)
    seen = (known * recognised).sum(axis=1, keepdims=True) / sizes * sqrt(width)
    gate, up, down = (np.zeros((hidden, width), np.float32) for _ in range(3))
    gate[:units] = recognised * STEEP / seen
    up[:units] = recognised / seen
    down[:units] = numbers(embeddings[[links.first, *links.next.values()]]) * LOUD / STEEP
    return Lookup(gate, up * sqrt(width), down.T / sqrt(width))


def sureness(top: float, vocabulary: int, width: int) -> float:
    """Return the scale of the last norm with which the looked-up token has about the probability `top`.

    All other tokens' logits are close to normally distributed: those of random directions.
    """
    dimensions = width - BLOCK

    def probability(logit: float) -> float:
        return 1 / (1 + vocabulary * exp(logit**2 / (2 * dimensions) - logit))

    low, high = 0.0, float(dimensions)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(middle) < top else (low, middle)
    return high / sqrt(width * dimensions)
