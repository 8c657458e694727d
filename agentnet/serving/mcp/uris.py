"""The addresses of the network's resources."""

from __future__ import annotations

from mcp.shared.uri_template import UriTemplate

NETWORK = "agentnet://network"
CARDS = UriTemplate.parse("agentnet://cards/{agent}")
PROTOCOLS = UriTemplate.parse("agentnet://protocols/{protocol}")
RUNS = UriTemplate.parse("agentnet://runs/{run}")
REPORTS = UriTemplate.parse("agentnet://reports/{evaluation}")
