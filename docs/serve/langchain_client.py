"""Ask a served network with LangChain: an answer, and a stream.

``pip install langchain-openai``; AGENTNET_URL is the gateway, AGENTNET_KEY a key of it.
"""

import os

from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    base_url=os.environ.get("AGENTNET_URL", "http://127.0.0.1:8080") + "/v1",
    api_key=os.environ.get("AGENTNET_KEY", "none"),
    model="auto",
)
print(model.invoke("What is 347 + 285?").content)
for chunk in model.stream("What is 118 * 12?"):
    print(chunk.content, end="", flush=True)
print()
