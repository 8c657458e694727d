"""OpenAI's chat API as a server speaks it: reading its requests, and writing its replies."""
