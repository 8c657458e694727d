"""The task families of the zoo, by name."""

from agentnet.zoo.families.base import Family
from agentnet.zoo.families.compound import COMPOUND
from agentnet.zoo.families.facts import FACTS
from agentnet.zoo.families.math import MATH
from agentnet.zoo.families.reading import READING
from agentnet.zoo.families.symbols import SYMBOLS

FAMILIES: dict[str, Family] = {family.name: family for family in (MATH, FACTS, READING, SYMBOLS, COMPOUND)}
