"""AgentNet: heterogeneous language models join a network, share what they can do, and reason together."""

import os

# Only plain data may come out of a checkpoint, never a class that it names. LangGraph reads this at its first import,
# so it stands here, before any module of ours can bring LangGraph in.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
