"""OpenAI's Responses API over a network: a response is a run, and a conversation goes on from a stored one."""
