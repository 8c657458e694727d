"""The first sentences of a report: which systems beat the best single model, and whether the tokens were worth it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentnet.evals.formatting import counted
from agentnet.evals.report.findings import ALPHA, Verdict, comparison_with, datasets_of, verdict
from agentnet.evals.results import BaselineComparison, Row, Summary
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES
from agentnet.evals.tables import ALL

MOST = 6
"""The most gains that get a sentence each."""


def headline(summary: Summary) -> list[str]:
    """Return sentences, the most important first. A difference within the noise is never called better or worse."""
    singles = [name for name in datasets_of(summary) if name != ALL]
    rows = [row for row in summary.rows if row.kind == "system" and row.dataset in singles]
    return [
        *_beside_the_best(summary, rows, len(singles)),
        *_at_equal_budget(rows, len(singles)),
        *_best_members(summary, singles),
        *_reservations(summary, singles),
    ]


def comparisons(summary: Summary) -> int:
    """Return how many comparisons of systems with the best single model are corrected together.

    Rows over all datasets are a family of their own.
    """
    return sum(row.kind == "system" and row.dataset != ALL and _is_compared(row) for row in summary.rows)


def _beside_the_best(summary: Summary, rows: Sequence[Row], datasets: int) -> Iterator[str]:
    compared = [row for row in rows if _is_compared(row)]
    if not compared:
        return
    won, lost, even = (_which(compared, what) for what in ("better", "worse", "open"))
    yield (
        f"{_beat(_names(won), len(_names(compared)))} the best single model, chosen in advance,"
        f"{_somewhere(won, datasets)} after correction for {counted(comparisons(summary), 'comparison')}; "
        f"{_were(_names(lost))} worse{_somewhere(lost, datasets) if lost else ''}; {_noise(even, compared)}."
    )
    if whole := [row for row in summary.rows if row.dataset == ALL and row.kind == "system" and _is_compared(row)]:
        better, worse = _which(whole, "better"), _which(whole, "worse")
        yield f"Over all datasets together, {_were(better)} better and {_were(worse)} worse."
        yield from (_gain(row) for row in sorted(better, key=_size)[:MOST])
    yield from (_gain(row) for row in sorted(won, key=_size)[:MOST])
    if len(won) > MOST:
        yield f"The tables have {len(won) - MOST} more of these gains."
    if repeated := [row for row in won if len(row.comparisons) > 1]:
        held = [row for row in repeated if all(verdict(comparison) == "better" for comparison in row.comparisons)]
        yield (
            f"{len(held)} of {len(repeated)} such gains {'holds' if len(held) == 1 else 'hold'} against the best "
            f"model's own self-consistency and self-correction at the same number of tokens too."
        )


def _at_equal_budget(rows: Sequence[Row], datasets: int) -> Iterator[str]:
    for baseline, what in ((SAMPLES, "a vote over its own samples"), (CORRECTIONS, "its own revisions")):
        if compared := [row for row in rows if comparison_with(row, baseline)]:
            won, lost = (_which(compared, side, baseline) for side in ("better", "worse"))
            yield (
                f"Against the best model's {baseline} ({what}) at the same number of tokens, "
                f"{_were(_names(won))} better and {_were(_names(lost))} worse{_somewhere([*won, *lost], datasets)}."
            )


def _best_members(summary: Summary, singles: Sequence[str]) -> Iterator[str]:
    """The members that were chosen in advance, and whether the choice was right."""
    chosen: dict[str, list[str]] = {}
    for dataset in singles:
        chosen.setdefault(" and ".join(summary.chosen_for(dataset)), []).append(dataset)
    if len(chosen) == 1:
        everywhere = " on every dataset" if len(singles) > 1 else ""
        sentence = f"The best single model, chosen in advance, was {next(iter(chosen))}{everywhere}."
        yield f"{sentence} {_hindsight(summary, singles)}".rstrip()
    elif chosen:
        members = "; ".join(f"{member} for {', '.join(datasets)}" for member, datasets in chosen.items())
        yield f"The best single model, chosen in advance: {members}. {_hindsight(summary, singles)}".rstrip()


def _hindsight(summary: Summary, singles: Sequence[str]) -> str:
    """Whether the choice was right, where one member was chosen among several."""
    top: list[bool] = []
    for dataset in singles:
        alone = [row for row in summary.rows if row.dataset == dataset and row.kind == "member"]
        chosen = [row for row in alone if [row.system] == summary.chosen_for(dataset)]
        if chosen and len(alone) > 1:
            top.append(chosen[0].accuracy.estimate >= max(row.accuracy.estimate for row in alone))
    if len(top) > 1:
        return f"In hindsight no other member did better on {sum(top)} of {len(top)} datasets."
    return f"In hindsight {'no other' if top[0] else 'another'} member did better." if top else ""


def _reservations(summary: Summary, singles: Sequence[str]) -> Iterator[str]:
    """What limits how far the numbers can be trusted."""
    family = comparisons(summary)
    weak = [name for name in singles if family and 2.0 ** (1 - _clusters(summary, name)) * family >= ALPHA]
    if weak:
        where = f" on {', '.join(weak)}" if len(weak) < len(singles) else " in each dataset" if len(weak) > 1 else ""
        yield (
            f"Too few items{where}: after correction, even a system that is right wherever the best model is wrong "
            f"would be within the noise."
        )
    if failures := sum(system.failures for system in summary.incomplete):
        yield (
            f"{failures} trial{'s have' if failures > 1 else ' has'} no score, because a model could not be asked; "
            f"{'they are' if failures > 1 else 'it is'} left out."
        )
    yield from (
        f"{system.system} could not be asked at all and is in no table: {system.why}"
        for system in summary.incomplete
        if system.failures == system.trials
    )
    if stopped := [system for system in summary.incomplete if system.stopped]:
        yield (
            f"The suite's limits stopped these before an answer, which counts as wrong: "
            f"{', '.join(f'{system.system} on {system.stopped} of {system.trials} trials' for system in stopped)}."
        )
    if partial := [system for system in summary.incomplete if system.partial]:
        missing = ", ".join(sorted({agent for system in partial for agent in system.missing}))
        yield (
            f"Scored without {missing}, which could not be asked or dropped out: "
            f"{', '.join(f'{system.system} on {system.partial} of {system.trials} trials' for system in partial)}."
        )
    if summary.record.status != "done":
        yield "The evaluation is not finished: this report covers the trials made so far."


def _clusters(summary: Summary, dataset: str) -> int:
    """The number of clusters of a dataset's items that were asked."""
    asked = (any(scores[place] is not None for scores in summary.grid.values()) for place in range(len(summary.items)))
    seen = (item for item, scored in zip(summary.items, asked, strict=True) if scored)
    return len({item.cluster for item in seen if item.dataset == dataset})


def _is_compared(row: Row) -> bool:
    return comparison_with(row, BEST) is not None


def _which(rows: Sequence[Row], what: Verdict, baseline: str = BEST) -> list[Row]:
    """The rows whose comparison with a baseline has some verdict."""
    return [row for row in rows if (found := comparison_with(row, baseline)) and verdict(found) == what]


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.system for row in rows))


def _beat(won: Sequence[object], of: int) -> str:
    if of == 1:
        return "The one system beat" if won else "The one system did not beat"
    return f"{len(won) or 'None'} of {of} systems beat"


def _were(counted_ones: Sequence[object]) -> str:
    return f"{len(counted_ones) or 'none'} {'were' if len(counted_ones) > 1 else 'was'}"


def _somewhere(counted_ones: Sequence[object], datasets: int) -> str:
    """On how many of several datasets a system must be better or worse to be counted."""
    if datasets < 2:
        return ""
    return f" on at least one of {datasets} datasets" if counted_ones else f" on any of {datasets} datasets"


def _noise(even: Sequence[object], compared: Sequence[object]) -> str:
    if len(compared) == 1:
        return "the difference is within the noise" if even else "the difference is beyond the noise"
    if len(even) == len(compared):
        return f"all {len(even)} differences are within the noise"
    return f"{len(even) or 'none'} of {len(compared)} differences {'are' if len(even) > 1 else 'is'} within the noise"


def _with_best(row: Row) -> BaselineComparison:
    comparison = comparison_with(row, BEST)
    assert comparison is not None
    return comparison


def _size(row: Row) -> float:
    return -_with_best(row).gain.estimate


def _gain(row: Row) -> str:
    gain = _with_best(row).gain
    return (
        f"{row.system} on {'everything' if row.dataset == ALL else row.dataset}: {100 * gain.estimate:+.1f} points "
        f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f}), at {row.calls:.1f} calls for each item."
    )
