"""Datasets: questions with their right answers, from files and from the zoo."""

from agentnet.evals.datasets.loading import LOADERS, Dataset, load

__all__ = ["LOADERS", "Dataset", "load"]
