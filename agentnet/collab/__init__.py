"""Collaboration: each combinator of a protocol as nodes and edges of a LangGraph state machine."""
