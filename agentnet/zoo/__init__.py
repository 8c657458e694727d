"""The embedded zoo: tiny, real GGUF models, the tasks they are trained on, and their cards."""
