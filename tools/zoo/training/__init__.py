"""Trains the models of the zoo and writes them as GGUF files (needs the extra ``train``: PyTorch, gguf, tokenizers).

Run ``python -m tools.zoo.training NAME``; `recipe` says what is trained, `train` how, `export` what is written.
"""
