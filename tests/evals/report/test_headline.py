"""The first sentences of a report: they count what is beyond the noise, and say what they cannot know."""

from __future__ import annotations

from collections.abc import Mapping

from agentnet.evals.report.headline import comparisons, headline
from agentnet.evals.results import Summary
from agentnet.evals.summary import summarise
from agentnet.evals.sweeps import system, together
from tests.evals.made import items, record, trial, usage

TWO = ({"from": "zoo", "family": "math", "name": "sums", "items": 1},
       {"from": "zoo", "family": "facts", "name": "lore", "items": 1})  # fmt: skip


def evaluated(answers: Mapping[str, Mapping[str, str]], **more: object) -> Summary:
    """System → dataset → a letter for each item: r(ight), w(rong), or - for one whose model could not be asked."""
    names = [name for name in answers if name not in ("ann", "bob")]
    systems = [system(name, together(["ann", "bob"], "vote")) for name in names]
    datasets = {dataset: len(letters) for sets in answers.values() for dataset, letters in sets.items()}
    asked = [item for name, count in datasets.items() for item in items(count, name, name)]
    trials = [
        trial(name, f"i{place}", "7" if letter == "r" else "8", dataset=dataset, usage=usage(10)).model_copy(
            update={"score": None, "status": "error"} if letter == "-" else {}
        )
        for name, sets in answers.items()
        for dataset, letters in sets.items()
        for place, letter in enumerate(letters)
    ]
    return summarise(record(systems, datasets=TWO[: len(datasets)]).model_copy(update=more), trials, asked)


def test_several_datasets_are_counted_together_and_apart() -> None:
    found = evaluated(
        {
            "ann": {"sums": "r" * 15 + "w" * 15, "lore": "r" * 30},
            "good": {"sums": "r" * 30, "lore": "r" * 30},
            "split": {"sums": "r" * 30, "lore": "w" * 30},
        },
        status="done",
    )
    said = headline(found)
    assert comparisons(found) == 4
    assert said[0] == (
        "2 of 2 systems beat the best single model, chosen in advance, on at least one of 2 datasets after correction "
        "for 4 comparisons; 1 was worse on at least one of 2 datasets; 1 of 4 differences is within the noise."
    )
    assert said[1] == "Over all datasets together, 1 was better and 1 was worse."
    assert said[2].startswith("good on everything: +25.0 points")
    assert {line.split(":")[0] for line in said[3:5]} == {"good on sums", "split on sums"}


def test_nothing_is_called_better_that_is_not() -> None:
    same = {"sums": "rw" * 10, "lore": "rw" * 10}
    said = headline(evaluated({"ann": same, "one": same, "two": same}))
    assert said[0].startswith("None of 2 systems beat the best single model, chosen in advance, on any of 2 datasets")
    assert said[0].endswith("none was worse; all 4 differences are within the noise.")
    assert said[1] == "Over all datasets together, none was better and none was worse."


def test_hindsight_is_told_apart_from_the_choice() -> None:
    said = headline(evaluated({"ann": {"sums": "rrww", "lore": "rrrr"}, "bob": {"sums": "rrrw", "lore": "rwww"}}))
    assert said[0] == (
        "The best single model, chosen in advance, was ann on every dataset. "
        "In hindsight no other member did better on 1 of 2 datasets."
    )
    assert headline(evaluated({"ann": {"sums": "rw"}, "bob": {"sums": "rr"}}))[0].endswith(
        "was ann. In hindsight another member did better."
    )
    assert headline(evaluated({"ann": {"sums": "rr"}, "bob": {"sums": "rw"}}))[0].endswith(
        "was ann. In hindsight no other member did better."
    )


def test_it_says_when_there_are_too_few_items_for_any_difference_to_show() -> None:
    weak = headline(evaluated({"ann": {"sums": "w" * 5}, "all": {"sums": "r" * 5}}))
    assert any(line.startswith("Too few items: after correction, even") for line in weak)
    enough = headline(evaluated({"ann": {"sums": "w" * 9}, "all": {"sums": "r" * 9}}))
    assert not any("Too few items" in line for line in enough)
    mixed = headline(evaluated({"ann": {"sums": "w" * 9, "lore": "w" * 3}, "all": {"sums": "r" * 9, "lore": "r" * 3}}))
    assert any(line.startswith("Too few items on lore: after correction, even") for line in mixed)


def test_a_trial_without_a_score_is_counted_once() -> None:
    # The best member's trials are rows twice: its own, and those of the best, in advance.
    said = headline(evaluated({"ann": {"sums": "rr--"}, "one": {"sums": "rrr-"}}))
    assert "3 trials have no score, because a model could not be asked; they are left out." in said


def test_baselines_at_equal_budget_are_named() -> None:
    votes = [system("vote", together(["ann", "bob"], "vote"))]
    asked = items(20)
    made = record(votes, baselines=["members", "best", "self-consistency"])
    again = made.systems[0].model_copy(update={"name": "self-consistency", "kind": "samples", "facts": {"times": 3}})
    trials = [
        one
        for item in asked
        for one in (
            trial("ann", item.id, "8"),
            trial("vote", item.id, "7", usage=usage(30)),
            trial("self-consistency", item.id, "8", *(("ann", n, "8") for n in range(3))),
        )
    ]
    found = summarise(made.model_copy(update={"systems": (*made.systems, again)}), trials, asked)
    said = headline(found)
    assert "1 of 1 such gains holds against the best model's own self-consistency" in "\n".join(said)
    assert (
        "Against the best model's self-consistency (a vote over its own samples) at the same number of tokens, "
        "1 was better and none was worse."
    ) in said
