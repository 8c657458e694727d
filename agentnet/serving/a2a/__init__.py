"""The network as an agent of the Agent2Agent protocol (A2A 1.0), by the official SDK.

A task is a run: what clients see of it is made from what the store holds, so that tasks outlive the server. The SDK
reads and writes the protocol; the rooms here say what its operations mean for runs.
"""
