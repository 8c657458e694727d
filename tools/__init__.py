"""What builds and measures the things that AgentNet ships: run it from the root of a checkout.

Nothing here is installed, and nothing in `agentnet` imports it.
"""
