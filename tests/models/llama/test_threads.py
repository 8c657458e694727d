"""The budget of threads that all engines share."""

from __future__ import annotations

from agentnet.models.llama.threads import ThreadBudget


def test_one_at_work_has_all_cores_and_several_share_them() -> None:
    budget = ThreadBudget(8)
    shares = []
    for _ in range(3):
        budget.enter()
        shares.append(budget.share)
    assert shares == [8, 4, 2]
    budget.leave()
    assert budget.share == 4


def test_what_is_fixed_comes_off_first_and_nobody_gets_none() -> None:
    budget = ThreadBudget(4)
    budget.enter(3)
    budget.enter()
    assert budget.share == 1
    budget.enter(3)
    assert budget.share == 1
    budget.leave(3)
    budget.leave(3)
    assert budget.share == 4
