"""Datasets: questions with right answers, from files and from the zoo's generators."""

from agentnet.evals.datasets.loading import LOADERS, Dataset, load

__all__ = ["LOADERS", "Dataset", "load"]
