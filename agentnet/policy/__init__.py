"""What was learned about a network: which system to use for which kind of task."""

from agentnet.policy.file import check_network, find_policy, load_policy, policy_network, policy_path, save_policy
from agentnet.policy.learned import Learned, open_embedder, open_learned

__all__ = [
    "Learned",
    "check_network",
    "find_policy",
    "load_policy",
    "open_embedder",
    "open_learned",
    "policy_network",
    "policy_path",
    "save_policy",
]
