"""Mutated files against the code that reads them: every one must be used, or refused in one clear line."""
