"""Our engine beside the ways in which a GGUF file is usually served to several agents."""
