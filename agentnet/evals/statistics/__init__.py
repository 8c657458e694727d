"""How sure we are: intervals, tests, and how far the errors of two members go together.

scipy and statsmodels do the work (extra `eval`); they are imported when a function first needs them.
"""

from agentnet.contracts.intervals import Interval
from agentnet.evals.statistics.correlation import phi
from agentnet.evals.statistics.intervals import (
    clustered_paired_difference,
    clustered_share,
    paired_difference,
    share,
)
from agentnet.evals.statistics.libraries import library
from agentnet.evals.statistics.significance import clustered_p, holm, mcnemar

__all__ = [
    "Interval",
    "clustered_p",
    "clustered_paired_difference",
    "clustered_share",
    "holm",
    "library",
    "mcnemar",
    "paired_difference",
    "phi",
    "share",
]
