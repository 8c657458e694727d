"""What there is to say before any table: who beat the best single model, and whether it was worth its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentnet.evals.report.findings import ALPHA, Verdict, against, datasets_of, verdict
from agentnet.evals.rivals import Against
from agentnet.evals.summary import Row, Summary
from agentnet.evals.systems import BEST, CORRECTIONS, SAMPLES
from agentnet.evals.tables import ALL
from agentnet.evals.wording import counted

MOST = 6
"""Gains that are told one by one."""


def headline(summary: Summary) -> list[str]:
    """Sentences, the most important first. Nothing is called better or worse that is within the noise."""
    singles = [name for name in datasets_of(summary) if name != ALL]
    rows = [row for row in summary.rows if row.kind == "system" and row.dataset in singles]
    return [
        *_against_the_best(summary, rows, len(singles)),
        *_at_equal_budget(rows, len(singles)),
        *_best_members(summary, singles),
        *_reservations(summary, singles),
    ]


def comparisons(summary: Summary) -> int:
    """How many comparisons of systems with the best single model are corrected for together; rows over everything are
    a family of their own."""
    return sum(row.kind == "system" and row.dataset != ALL and against(row, BEST) is not None for row in summary.rows)


def _against_the_best(summary: Summary, rows: Sequence[Row], datasets: int) -> Iterator[str]:
    compared = [row for row in rows if against(row, BEST)]
    if not compared:
        return
    won, lost, even = (_which(compared, what) for what in ("better", "worse", "open"))
    yield (
        f"{_beat(_names(won), len(_names(compared)))} the best single model, chosen in advance,"
        f"{_somewhere(won, datasets)} after correction for {counted(comparisons(summary), 'comparison')}; "
        f"{_were(_names(lost))} worse{_somewhere(lost, datasets) if lost else ''}; {_noise(even, compared)}."
    )
    if whole := [row for row in summary.rows if row.dataset == ALL and row.kind == "system" and against(row, BEST)]:
        better, worse = _which(whole, "better"), _which(whole, "worse")
        yield f"Over all datasets together, {_were(better)} better and {_were(worse)} worse."
        yield from (_gain(row) for row in sorted(better, key=_size)[:MOST])
    yield from (_gain(row) for row in sorted(won, key=_size)[:MOST])
    if len(won) > MOST:
        yield f"{len(won) - MOST} more of these gains are in the tables."
    if repeated := [row for row in won if len(row.against) > 1]:
        paid = [row for row in repeated if all(verdict(beside) == "better" for beside in row.against)]
        yield (
            f"{len(paid)} of {len(repeated)} such gains {'stands' if len(paid) == 1 else 'stand'} against what the "
            f"best model makes of the same tokens too (self-consistency, self-correction)."
        )


def _at_equal_budget(rows: Sequence[Row], datasets: int) -> Iterator[str]:
    for rival, what in ((SAMPLES, "a vote over its own samples"), (CORRECTIONS, "its own revisions")):
        if compared := [row for row in rows if against(row, rival)]:
            won, lost = (_which(compared, side, rival) for side in ("better", "worse"))
            yield (
                f"Against what the best model makes of the same tokens by {rival} ({what}), "
                f"{_were(_names(won))} better and {_were(_names(lost))} worse{_somewhere([*won, *lost], datasets)}."
            )


def _best_members(summary: Summary, singles: Sequence[str]) -> Iterator[str]:
    """Who was chosen in advance for what."""
    chosen: dict[str, list[str]] = {}
    for dataset in singles:
        chosen.setdefault(" and ".join(summary.chosen_for(dataset)), []).append(dataset)
    if len(chosen) == 1:
        everywhere = " on every dataset" if len(singles) > 1 else ""
        told = f"The best single model, chosen in advance, was {next(iter(chosen))}{everywhere}."
        yield f"{told} {_hindsight(summary, singles)}".rstrip()
    elif chosen:
        whom = "; ".join(f"{member} for {', '.join(sets)}" for member, sets in chosen.items())
        yield f"The best single model, chosen in advance: {whom}. {_hindsight(summary, singles)}".rstrip()


def _hindsight(summary: Summary, singles: Sequence[str]) -> str:
    """Whether the choice was right, where one member was chosen among several."""
    top: list[bool] = []
    for dataset in singles:
        alone = [row for row in summary.rows if row.dataset == dataset and row.kind == "member"]
        mine = [row for row in alone if [row.system] == summary.chosen_for(dataset)]
        if mine and len(alone) > 1:
            top.append(mine[0].accuracy.estimate >= max(row.accuracy.estimate for row in alone))
    if len(top) > 1:
        return f"In hindsight no other member did better on {sum(top)} of {len(top)} datasets."
    return f"In hindsight {'no other' if top[0] else 'another'} member did better." if top else ""


def _reservations(summary: Summary, singles: Sequence[str]) -> Iterator[str]:
    """What must be known before any of this is believed."""
    family = comparisons(summary)
    weak = [name for name in singles if family and 2.0 ** (1 - _clusters(summary, name)) * family >= ALPHA]
    if weak:
        where = f" on {', '.join(weak)}" if len(weak) < len(singles) else " in each dataset" if len(weak) > 1 else ""
        yield (
            f"Too few items{where}: not even a system that is right wherever the best model is wrong could be told "
            f"from chance after correction."
        )
    if failures := sum(one.failures for one in summary.hindered):
        yield (
            f"{failures} trial{'s have' if failures > 1 else ' has'} no score, because a model could not be asked; "
            f"{'they are' if failures > 1 else 'it is'} left out."
        )
    yield from (
        f"{one.system} could not be asked at all and is in no table: {one.why}"
        for one in summary.hindered
        if one.failures == one.trials
    )
    if stopped := [one for one in summary.hindered if one.stopped]:
        yield (
            f"Stopped by the suite's limits, and wrong for want of an answer: "
            f"{', '.join(f'{one.system} on {one.stopped} of {one.trials} trials' for one in stopped)}."
        )
    if incomplete := [one for one in summary.hindered if one.incomplete]:
        who = ", ".join(sorted({agent for one in incomplete for agent in one.missing}))
        yield (
            f"Scored without {who}, who could not be asked or did not last: "
            f"{', '.join(f'{one.system} on {one.incomplete} of {one.trials} trials' for one in incomplete)}."
        )
    if summary.record.status != "done":
        yield "The evaluation is not over: this is what is there so far."


def _clusters(summary: Summary, dataset: str) -> int:
    """Independent groups of a dataset's items among those that were asked at all."""
    asked = (any(scores[place] is not None for scores in summary.grid.values()) for place in range(len(summary.items)))
    seen = (item for item, scored in zip(summary.items, asked, strict=True) if scored)
    return len({item.cluster for item in seen if item.dataset == dataset})


def _which(rows: Sequence[Row], what: Verdict, rival: str = BEST) -> list[Row]:
    return [row for row in rows if against(row, rival) and verdict(against(row, rival)) == what]


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.system for row in rows))


def _beat(won: Sequence[object], of: int) -> str:
    if of == 1:
        return "The one system beat" if won else "The one system did not beat"
    return f"{len(won) or 'None'} of {of} systems beat"


def _were(some: Sequence[object]) -> str:
    return f"{len(some) or 'none'} {'were' if len(some) > 1 else 'was'}"


def _somewhere(some: Sequence[object], datasets: int) -> str:
    """Where several datasets are counted together: what it is to be better or worse there."""
    if datasets < 2:
        return ""
    return f" on at least one of {datasets} datasets" if some else f" on any of {datasets} datasets"


def _noise(even: Sequence[object], compared: Sequence[object]) -> str:
    if len(compared) == 1:
        return "the difference is within the noise" if even else "the difference is beyond the noise"
    if len(even) == len(compared):
        return f"all {len(even)} differences are within the noise"
    return f"{len(even) or 'none'} of {len(compared)} differences {'are' if len(even) > 1 else 'is'} within the noise"


def _beside(row: Row) -> Against:
    found = against(row, BEST)
    assert found is not None
    return found


def _size(row: Row) -> float:
    return -_beside(row).gain.estimate


def _gain(row: Row) -> str:
    gain = _beside(row).gain
    return (
        f"{row.system} on {'everything' if row.dataset == ALL else row.dataset}: {100 * gain.estimate:+.1f} points "
        f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f}), at {row.calls:.1f} calls for each item."
    )
