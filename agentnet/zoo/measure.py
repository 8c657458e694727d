"""Measuring the zoo with AgentNet's own inference: held-out items through the compact prompt pack and llama.cpp.

`python -m agentnet.zoo.measure [NAME …]` measures and rewrites the cards; what a card says is what this found.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import yaml

from agentnet.agents import Agent, Turn
from agentnet.answers import same
from agentnet.contracts.bodies import Body, Plan, Proposal, Task, Verdict
from agentnet.contracts.cards import Card, Measured
from agentnet.contracts.messages import Message
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import AgentNetError
from agentnet.models.gguf import read_header
from agentnet.models.opening import ModelPool
from agentnet.prompts import find_pack
from agentnet.zoo import catalog
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import Item, distinct
from agentnet.zoo.training.recipe import Recipe, load_recipes

ITEMS = 300
SEED = 20_261
SOLVED = ("math", "facts", "reading", "symbols", "compound")
"""The families that every solver is asked, its own or not."""
