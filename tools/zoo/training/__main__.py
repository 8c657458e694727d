"""``python -m tools.zoo.training NAME``: train a recipe of ``tools/zoo/recipes.yaml`` and write its GGUF file."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from agentnet.zoo import catalog
from tools.zoo.drills import pairs
from tools.zoo.training.recipe import RECIPES, load_recipes
from tools.zoo.training.train import WORK, train


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m tools.zoo.training", description=__doc__)
    parser.add_argument("name", help="a recipe, or `all`, one after the other")
    parser.add_argument("--recipes", type=Path, default=RECIPES, help="file of recipes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, help="instead of the recipe's; the learning rate falls to zero there")
    parser.add_argument("--stop-at", type=int, help="leave off after this step and write what has been learnt")
    parser.add_argument("--save-every", type=int, default=250, help="steps between checkpoints")
    parser.add_argument("--out", type=Path, default=catalog.MODELS, help="folder for NAME.gguf")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    logging.getLogger("gguf").setLevel(logging.WARNING)

    recipes = load_recipes(arguments.recipes)
    if arguments.name == "all":
        chosen = list(recipes.values())
    elif arguments.name in recipes:
        chosen = [recipes[arguments.name]]
    else:
        parser.error(f"no recipe {arguments.name!r} in {arguments.recipes}; there are: {', '.join(sorted(recipes))}")
    for recipe in chosen:
        train(
            replace(recipe, steps=arguments.steps or recipe.steps),
            partial(pairs, recipe.mixture, "train"),
            arguments.out / f"{recipe.name}.gguf",
            work=WORK / recipe.name,
            threads=arguments.threads,
            save_every=arguments.save_every,
            stop_at=arguments.stop_at,
        )


if __name__ == "__main__":
    main()
