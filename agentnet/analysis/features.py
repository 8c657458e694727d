"""From a text to numbers: weighted character n-grams, or the embedding of a model."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float32]
"""Numbers of one text."""
Matrix: TypeAlias = NDArray[np.float32]
"""Numbers of several texts, one row for each."""
Sparse: TypeAlias = tuple[list[int] | slice, Vector]
"""Features of one text: the columns that are not zero, and their values."""

SIZES = (1, 2, 3, 4)
"""Characters of an n-gram."""
MOST_NGRAMS = 8192
"""N-grams of a vocabulary: the most frequent ones."""
MOST_CHARACTERS = 2000
"""Characters of a text that are read, from its beginning and its end: more do not change what kind of task it is."""

_DIGITS = re.compile(r"\d+")
_SPACE = re.compile(r"\s+")


class Embedder(Protocol):
    """A model that turns texts into vectors."""

    name: str
    """The model's file, as the network names it."""

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return one row for each text, each of length 1. May take milliseconds per text."""
        ...


class Features(Protocol):
    """From texts to vectors of length 1 or less."""

    width: int
    """Columns of a vector."""

    def of(self, text: str) -> Sparse:
        """Return the features of a text."""
        ...


class NgramFeatures:
    """Character n-grams by tf-idf (sublinear: 1 + log of the count), of length 1.

    N-grams outside the vocabulary count in the length, so that a text unlike all known ones has a short vector.
    """

    def __init__(self, ngrams: Sequence[str], rarity: Vector, unseen: float) -> None:
        """`rarity` is the inverse document frequency of each n-gram, and `unseen` that of any other."""
        self.ngrams, self.rarity, self.unseen = tuple(ngrams), rarity, unseen
        self.width = len(self.ngrams)
        self._index = {ngram: index for index, ngram in enumerate(self.ngrams)}
        self._rarity = rarity.tolist()

    @classmethod
    def learned(cls, texts: Iterable[str]) -> NgramFeatures:
        """Return the features for texts like these. An n-gram of a single text belongs to no vocabulary."""
        documents = 0
        frequency: Counter[str] = Counter()
        for text in texts:
            documents += 1
            frequency.update(set(ngrams(text)))
        kept = sorted((entry for entry in frequency.items() if entry[1] > 1), key=lambda entry: (-entry[1], entry[0]))
        kept = kept[:MOST_NGRAMS]
        rarity = [1 + math.log((1 + documents) / (1 + count)) for _, count in kept]
        unseen = 1 + math.log((1 + documents) / 2)
        return cls([ngram for ngram, _ in kept], np.array(rarity, np.float32), unseen)

    def of(self, text: str) -> Sparse:
        columns: list[int] = []
        weights: list[float] = []
        length = 0.0
        for ngram, count in Counter(ngrams(text)).items():
            column = self._index.get(ngram)
            weight = (1 + math.log(count)) * (self.unseen if column is None else self._rarity[column])
            length += weight * weight
            if column is not None:
                columns.append(column)
                weights.append(weight)
        return columns, np.array(weights, np.float32) / np.float32(math.sqrt(length) or 1.0)


class EmbeddedFeatures:
    """The vectors of an embedding model."""

    def __init__(self, embedder: Embedder, width: int) -> None:
        self.embedder, self.width = embedder, width

    def of(self, text: str) -> Sparse:
        return slice(None), self.embedder.embed([excerpt(text)])[0]


def ngrams(text: str) -> list[str]:
    """Return the character n-grams of a text, in lower case, every number as one 0."""
    plain = f" {_SPACE.sub(' ', _DIGITS.sub('0', excerpt(text).lower())).strip()} "
    return [plain[start : start + size] for size in SIZES for start in range(len(plain) - size + 1)]


def excerpt(text: str) -> str:
    """Return the part of a text that is read."""
    half = MOST_CHARACTERS // 2
    return text if len(text) <= MOST_CHARACTERS else f"{text[:half]} {text[-half:]}"
