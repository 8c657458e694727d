"""Learning to tell kinds of tasks apart from labelled questions. Needs the extra `learn` (scikit-learn)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentnet.analysis.analyzer import Analyzer, AnalyzerData, encoded, probabilities
from agentnet.analysis.features import EmbeddedFeatures, Embedder, Features, Matrix, NgramFeatures, excerpt
from agentnet.errors import BadInput

FOLDS = 5
CERTAIN = 0.9
"""Share of right labels, among those that are given, that held-out questions must prove."""
ERROR = 0.05
"""Probability with which the labels are right less often than that."""
THRESHOLDS = (0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
"""Probabilities below which no label may be given; one is chosen. Texts unlike all known ones seldom reach 0.75."""
UNFAMILIAR = 0.01
"""Share of the held-out questions that may count as unlike those that were learned from."""
SLACK = 0.99
"""Part of that length which is enough: where all texts are alike, rounding alone would decide."""
STRENGTH = 100.0
"""Inverse strength of the classifier's regularisation."""
IMPOSSIBLE = -1e4
"""Bias of a label that a part of the questions does not have."""


class HeldOut(NamedTuple):
    """What is said of a text by an analyzer that did not see it."""

    label: int
    """The likeliest label's place."""
    share: float
    """Its probability."""
    length: float
    """Length of the text's vector."""


def fit(texts: Sequence[str], labels: Sequence[str], seed: int = 0, *, embedder: Embedder | None = None) -> Analyzer:
    """Return an analyzer of texts like these, which gives one of their labels or none.

    The classifier is a logistic regression of character n-grams, or of the vectors of an `embedder`. Texts that it did
    not learn from (five folds) choose the least threshold at which its labels are proven right often enough. Where no
    threshold is, because there are too few texts or their labels cannot be told apart, it gives no label ever.

    Raises `BadInput` without texts, for texts without labels, and where scikit-learn is not installed.
    """
    if not texts or len(texts) != len(labels):
        raise BadInput(f"an analyzer learns from questions with labels, not from {len(texts)} with {len(labels)}")
    names = sorted(set(labels))
    truth = np.array([names.index(label) for label in labels])
    embedded = embedder.embed([excerpt(text) for text in texts]) if embedder else None
    held_out = _held_out(texts, truth, len(names), embedded, seed)
    threshold, answered, right = _threshold(held_out, truth)
    features, rows = _features(texts, embedded, embedder)
    weights, bias = _regression(rows, truth, len(names), seed)
    data = AnalyzerData(
        kind="embeddings" if embedder else "ngrams",
        model=embedder.name if embedder else "",
        labels=tuple(names),
        items=len(texts),
        seed=seed,
        threshold=threshold,
        answered=answered,
        right=right,
        ngrams="\n".join(features.ngrams) if isinstance(features, NgramFeatures) else "",
        rarity=encoded(features.rarity) if isinstance(features, NgramFeatures) else "",
        unseen=features.unseen if isinstance(features, NgramFeatures) else 0.0,
        weights=encoded(weights),
        bias=tuple(float(value) for value in bias),
        familiar=_familiar(held_out) if embedder is None else 0.0,
    )
    return Analyzer(data, features)


def _features(texts: Sequence[str], embedded: Matrix | None, embedder: Embedder | None) -> tuple[Features, Any]:
    """Return the features that some texts give, and the vectors of these texts as a matrix."""
    if embedder is not None and embedded is not None:
        return EmbeddedFeatures(embedder, embedded.shape[1]), embedded
    ngrams = NgramFeatures.learned(texts)
    return ngrams, _rows(ngrams, texts)


def _rows(features: NgramFeatures, texts: Sequence[str]) -> Any:
    """Return the vectors of some texts as a sparse matrix (compressed rows)."""
    found = [features.of(text) for text in texts]
    ends = np.cumsum([0, *(len(values) for _, values in found)])
    values = np.concatenate([values for _, values in found])
    columns = np.concatenate([np.asarray(columns, np.int32) for columns, _ in found])
    return _library("scipy.sparse").csr_matrix((values, columns, ends), shape=(len(texts), features.width))


def _regression(rows: Any, truth: NDArray[np.int64], count: int, seed: int) -> tuple[Matrix, NDArray[np.float32]]:
    """Return weights (labels × features) and bias of a logistic regression; its softmax gives probabilities.

    A label that `truth` lacks gets a bias that makes it impossible.
    """
    present = np.unique(truth)
    weights, bias = np.zeros((count, rows.shape[1]), np.float32), np.full(count, IMPOSSIBLE, np.float32)
    if len(present) == 1 or rows.shape[1] == 0:
        bias[present] = np.log(np.bincount(truth, minlength=count)[present])
        return weights, bias
    model = _library("sklearn.linear_model").LogisticRegression(C=STRENGTH, max_iter=1000, random_state=seed)
    model.fit(rows, truth)
    if len(present) == 2:  # one row of weights, for the second label
        weights[present[1]], bias[present] = model.coef_[0], (0.0, model.intercept_[0])
    else:
        weights[present], bias[present] = model.coef_, model.intercept_
    return weights, bias


def _held_out(
    texts: Sequence[str], truth: NDArray[np.int64], count: int, embedded: Matrix | None, seed: int
) -> list[HeldOut]:
    """Return for each text what an analyzer that did not see it says of it; empty where no label has two texts."""
    folds = min(FOLDS, max(Counter(truth.tolist()).values()))
    if folds < 2:
        return []
    found = [HeldOut(0, 0.0, 0.0)] * len(texts)
    part = _parts(truth, folds, seed)
    for fold in range(folds):
        inside = part != fold
        if embedded is None:
            ngrams = NgramFeatures.learned([text for text, known in zip(texts, inside, strict=True) if known])
            rows = _rows(ngrams, texts)
        else:
            rows = embedded
        weights, bias = _regression(rows[inside], truth[inside], count, seed)
        outside = np.flatnonzero(~inside)
        shares = probabilities(np.asarray(rows[outside] @ weights.T + bias))
        lengths = np.sqrt((rows[outside] ** 2 if embedded is not None else rows[outside].power(2)).sum(axis=1))
        for place, row, length in zip(outside.tolist(), shares, np.ravel(lengths), strict=True):
            found[place] = HeldOut(int(row.argmax()), float(row.max()), float(length))
    return found


def _parts(truth: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each text: drawn by chance, the texts of a label spread evenly."""
    chance = np.random.default_rng(seed)
    part = np.zeros(len(truth), np.int64)
    for label in np.unique(truth):
        places = chance.permutation(np.flatnonzero(truth == label))
        part[places] = (np.arange(len(places)) + chance.integers(folds)) % folds
    return part


def _threshold(held_out: Sequence[HeldOut], truth: NDArray[np.int64]) -> tuple[float | None, float, float]:
    """Return the least threshold that is proven, with the shares of texts that get a label and of right labels there.

    Each threshold is tested with the error of one test divided by their number (Bonferroni). None where all texts have
    one label: it says nothing about others.
    """
    if len(np.unique(truth)) < 2:
        return None, 0.0, 0.0
    for threshold in THRESHOLDS:
        right = [said.label == true for said, true in zip(held_out, truth, strict=False) if said.share >= threshold]
        if right and exact_lower_bound(sum(right), len(right), ERROR / len(THRESHOLDS)) >= CERTAIN:
            return threshold, len(right) / len(held_out), sum(right) / len(right)
    return None, 0.0, 0.0


def _familiar(held_out: Sequence[HeldOut]) -> float:
    """Return a length of vector that almost all held-out texts have."""
    lengths = [said.length for said in held_out]
    return SLACK * float(np.quantile(lengths, UNFAMILIAR, method="lower")) if lengths else 0.0


def exact_lower_bound(right: int, items: int, error: float) -> float:
    """Return the exact lower bound of a share (Clopper and Pearson, Biometrika 26, 1934), wrong at most at `error`."""
    if right == 0:
        return 0.0
    return float(_library("scipy.stats").beta.ppf(error, right, items - right + 1))


def _library(module: str) -> Any:
    """Return a module of scikit-learn, or of scipy, which comes with it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise BadInput("learning needs scikit-learn: pip install 'agentnet-ai[learn]'") from error
