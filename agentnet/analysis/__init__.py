"""Task analysis: the kind of a task from its text, without asking a language model.

`fit` learns it from labelled questions, `Analyzer.data` is what a policy file keeps of it, and `load` reads that back.
"""

from agentnet.analysis.analyzer import Analyzer, load
from agentnet.analysis.features import Embedder
from agentnet.analysis.fitting import fit

__all__ = ["Analyzer", "Embedder", "fit", "load"]
