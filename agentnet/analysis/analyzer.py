"""`Analyzer`: finds the label of a text, or says that it does not know it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationError, model_validator

from agentnet.analysis.features import EmbeddedFeatures, Embedder, Features, Matrix, NgramFeatures, Vector
from agentnet.contracts.base import FileModel, first_problem
from agentnet.contracts.bodies import Analysis
from agentnet.contracts.cards import Label, Share
from agentnet.errors import PolicyError

SHOWN = 4
"""Labels whose probabilities an analysis lists."""


def _numbers(text: str) -> str:
    try:
        size = len(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise ValueError("is not base64") from None
    if size % 4:
        raise ValueError("holds no whole numbers of four bytes")
    return text


Numbers = Annotated[str, AfterValidator(_numbers)]
"""An array of 32-bit floating-point numbers, little-endian, in base64."""


class AnalyzerData(FileModel):
    """What a policy file keeps of an analyzer."""

    kind: Literal["ngrams", "embeddings"]
    model: str = Field(default="", description="the embedding model's file; empty for n-grams")
    labels: tuple[Label, ...] = Field(min_length=1)
    items: int = Field(ge=1, description="questions that it learned from")
    seed: int = 0
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="least probability of a label that is given; None: none is ever given"
    )
    answered: Share = Field(default=0.0, description="share of held-out questions that got a label")
    right: Share = Field(default=0.0, description="share of right labels among those")
    ngrams: str = Field(default="", description="one a line, each in the column of its place")
    rarity: Numbers = ""
    unseen: float = 0.0
    weights: Numbers = Field(description="labels × features")
    bias: tuple[float, ...]
    familiar: float = Field(
        default=0.0, description="least length of the vector of a text that is like those it learned from"
    )

    @model_validator(mode="after")
    def _fits(self) -> AnalyzerData:
        count = len(self.labels)
        size = len(_array(self.weights))
        if len(self.bias) != count or size % count:
            raise ValueError("weights and bias are not of all labels")
        if self.kind == "ngrams" and not len(self.ngrams.splitlines()) == len(_array(self.rarity)) == size // count:
            raise ValueError("the weights are not of all n-grams")
        return self


class Analyzer:
    """A linear classifier of texts that abstains where it is not certain, or where a text is unlike all known ones."""

    def __init__(self, data: AnalyzerData, features: Features) -> None:
        self._data, self._features = data, features
        self._weights = _array(data.weights).reshape(len(data.labels), features.width)
        self._bias = np.array(data.bias, np.float32)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it knows."""
        return self._data.labels

    def __str__(self) -> str:
        """Return how it was made and how good it is, in plain words."""
        data = self._data
        way = f"the embeddings of {data.model}" if self.embeds else "the letters of a question"
        made = f"goes by {way}; learned {len(data.labels)} kinds of tasks from {data.items} questions"
        if data.threshold is None:
            return f"{made}, which could not be told apart for certain: no label is ever given"
        return (
            f"{made}; of questions that it had not seen, {100 * data.answered:.1f} % got a label, and "
            f"{100 * data.right:.1f} % of these labels were right"
        )

    @property
    def embeds(self) -> bool:
        """Whether it evaluates an embedding model, and so takes milliseconds: call `analyze` in a thread."""
        return self._data.kind == "embeddings"

    def analyze(self, text: str) -> Analysis:
        """Return the probabilities of the labels, and the likeliest label if it is certain. Needs no language model."""
        data = self._data
        columns, values = self._features.of(text)
        shares = probabilities(self._weights[:, columns] @ values + self._bias)
        order = np.argsort(-shares, kind="stable")
        best = int(order[0])
        certain = (
            data.threshold is not None
            and shares[best] >= data.threshold
            and float(np.linalg.norm(values)) >= data.familiar
        )
        return Analysis(
            text=text,
            label=data.labels[best] if certain else None,
            shares={data.labels[place]: round(float(shares[place]), 4) for place in order[:SHOWN]},
        )

    def data(self) -> dict[str, Any]:
        """Return plain data from which `load` makes the analyzer again."""
        return self._data.model_dump(mode="json", exclude_defaults=True)


def load(data: Mapping[str, Any], embedder: Embedder | None = None) -> Analyzer:
    """Return the analyzer of some data, as `Analyzer.data` gives it.

    One that goes by embeddings needs the `embedder` of the model that it names. Raises `PolicyError`.
    """
    try:
        known = AnalyzerData.model_validate(data)
    except ValidationError as error:
        raise PolicyError(f"analyzer: {first_problem(error)}") from error
    width = len(_array(known.weights)) // len(known.labels)
    if known.kind == "ngrams":
        return Analyzer(known, NgramFeatures(known.ngrams.splitlines(), _array(known.rarity), known.unseen))
    if embedder is None or embedder.name != known.model:
        given = f"the network names {embedder.name!r}" if embedder else "the network names none"
        raise PolicyError(f"analyzer: it goes by the embeddings of {known.model!r}, and {given}")
    return Analyzer(known, EmbeddedFeatures(embedder, width))


def probabilities(scores: Vector) -> NDArray[np.float32]:
    """Return the softmax of some scores, over the last axis."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


def encoded(values: Matrix | Vector) -> str:
    """Return an array as text."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def _array(text: str) -> Vector:
    return np.frombuffer(base64.b64decode(text), "<f4")
