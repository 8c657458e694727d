"""Learning to tell kinds of tasks apart from labelled questions. Needs the extra `learn` (scikit-learn)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from typing import Any

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
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Probabilities below which no label may be given. One is chosen."""
UNLIKE = 0.01
"""Share of the held-out questions of a label that may count as unlike it."""
STRENGTH = 100.0
"""Inverse strength of the classifier's regularisation."""


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
    features, matrix = _features(texts, embedded, embedder)
    weights, bias = _regression(matrix, truth, len(names), seed)
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
        centres=encoded(_centres(matrix, truth, len(names))),
        likeness=_likeness(held_out, truth, len(names)),
    )
    return Analyzer(data, features)


def _features(texts: Sequence[str], embedded: Matrix | None, embedder: Embedder | None) -> tuple[Features, Matrix]:
    """Return the features that some texts give, and the vectors of these texts."""
    if embedder is not None and embedded is not None:
        return EmbeddedFeatures(embedder, embedded.shape[1]), embedded
    ngrams = NgramFeatures.learned(texts)
    return ngrams, _matrix(ngrams, texts)


def _matrix(features: NgramFeatures, texts: Sequence[str]) -> Matrix:
    return np.array([features.of(text) for text in texts], np.float32).reshape(len(texts), features.width)


def _regression(matrix: Matrix, truth: NDArray[np.int64], count: int, seed: int) -> tuple[Matrix, NDArray[np.float32]]:
    """Return weights (labels × features) and bias of a logistic regression; labels that are not in `truth` get none.

    Its softmax gives the probabilities of the labels.
    """
    present = np.unique(truth)
    weights, bias = np.zeros((count, matrix.shape[1]), np.float32), np.full(count, -1e4, np.float32)
    if len(present) == 1 or matrix.shape[1] == 0:
        bias[present] = np.log(np.bincount(truth, minlength=count)[present])
        return weights, bias
    model = _library("linear_model").LogisticRegression(C=STRENGTH, max_iter=1000, random_state=seed)
    model.fit(matrix, truth)
    if len(present) == 2:  # one row of weights, for the second label
        weights[present[1]], bias[present[0]], bias[present[1]] = model.coef_[0], 0.0, model.intercept_[0]
    else:
        weights[present], bias[present] = model.coef_, model.intercept_
    return weights, bias


def _held_out(
    texts: Sequence[str], truth: NDArray[np.int64], count: int, embedded: Matrix | None, seed: int
) -> list[tuple[int, float, float]]:
    """Return for each text what an analyzer that did not see it says of it.

    It is the likeliest label, its probability, and the similarity of the text to the centre of its true label. Empty
    where no label has two texts.
    """
    folds = min(FOLDS, max(Counter(truth.tolist()).values()))
    if folds < 2:
        return []
    found: list[tuple[int, float, float]] = [(0, 0.0, 0.0)] * len(texts)
    part = _parts(truth, folds, seed)
    for fold in range(folds):
        inside = part != fold
        if embedded is None:
            ngrams = NgramFeatures.learned([text for text, known in zip(texts, inside, strict=True) if known])
            rows = _matrix(ngrams, texts)
        else:
            rows = embedded
        weights, bias = _regression(rows[inside], truth[inside], count, seed)
        centres = _centres(rows[inside], truth[inside], count)
        for place in np.flatnonzero(~inside).tolist():
            shares = probabilities(weights @ rows[place] + bias)
            best = int(shares.argmax())
            found[place] = best, float(shares[best]), float(centres[truth[place]] @ rows[place])
    return found


def _parts(truth: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each text: drawn by chance, the texts of a label spread evenly."""
    chance = np.random.default_rng(seed)
    part = np.zeros(len(truth), np.int64)
    for label in np.unique(truth):
        places = chance.permutation(np.flatnonzero(truth == label))
        part[places] = (np.arange(len(places)) + chance.integers(folds)) % folds
    return part


def _threshold(
    held_out: Sequence[tuple[int, float, float]], truth: NDArray[np.int64]
) -> tuple[float | None, float, float]:
    """Return the least threshold that is proven, with the shares of texts that get a label and of right labels there.

    Each threshold is tested with the error of one test divided by their number (Bonferroni).
    """
    for threshold in THRESHOLDS:
        right = [int(label == truth[place]) for place, (label, share, _) in enumerate(held_out) if share >= threshold]
        if right and exact_lower_bound(sum(right), len(right), ERROR / len(THRESHOLDS)) >= CERTAIN:
            return threshold, len(right) / len(held_out), sum(right) / len(right)
    return None, 0.0, 0.0


def _centres(matrix: Matrix, truth: NDArray[np.int64], count: int) -> Matrix:
    """Return the mean vector of each label, of length 1 (0 for a label without texts)."""
    centres = np.zeros((count, matrix.shape[1]), np.float32)
    for label in np.unique(truth):
        centres[label] = matrix[truth == label].mean(axis=0)
    lengths = np.linalg.norm(centres, axis=1, keepdims=True)
    return np.asarray(centres / np.where(lengths > 0, lengths, 1), np.float32)


def _likeness(held_out: Sequence[tuple[int, float, float]], truth: NDArray[np.int64], count: int) -> tuple[float, ...]:
    """Return for each label the similarity to its centre that almost all of its held-out texts have."""
    similar = np.array([similarity for _, _, similarity in held_out])
    return tuple(
        float(np.quantile(similar[truth == label], UNLIKE, method="lower")) if (truth == label).any() else 1.0
        for label in range(count)
    )


def exact_lower_bound(right: int, items: int, error: float) -> float:
    """Return the exact lower bound of a share (Clopper and Pearson, Biometrika 26, 1934), wrong at most at `error`."""
    if right == 0:
        return 0.0
    _library("linear_model")  # brings scipy
    return float(import_module("scipy.stats").beta.ppf(error, right, items - right + 1))


def _library(module: str) -> Any:
    """Return a module of scikit-learn."""
    try:
        return import_module(f"sklearn.{module}")
    except ImportError as error:
        raise BadInput("learning needs scikit-learn: pip install 'agentnet-ai[learn]'") from error
