"""Reports: one HTML file that needs nothing else, Markdown for reviews, JSON for programs."""

from agentnet.evals.report.evaluated import Evaluated
from agentnet.evals.report.files import prepare, write_report

__all__ = ["Evaluated", "prepare", "write_report"]
