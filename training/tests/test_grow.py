"""A large model that begins as the equal of a small one."""

from __future__ import annotations

import copy

import pytest
import torch

from peregrine_training.grow import grow
from peregrine_training.recipe import Recipe
from test_initialise import made, small


def large(output: str = "separate") -> Recipe:
    recipe = small(3, 4, 2, 24)
    del recipe.architecture["output_rank"]
    recipe.architecture["output"] = output
    return recipe


def of_higher_rank() -> Recipe:
    recipe = small(3, 4, 2, 24)
    recipe.architecture["output_rank"] += 3
    return recipe


@pytest.mark.parametrize("recipe", [large(), of_higher_rank()])
def test_it_computes_what_the_small_one_does_and_can_leave_it(recipe):
    little, model = made(small(2, 1, 1, 0), seed=1), made(recipe, seed=2)
    grow(model, little.state_dict())
    source, target = torch.randint(4, 30, (3, 7)), torch.randint(4, 30, (3, 5))
    ours, theirs = (m.in_float64() for m in (model, copy.deepcopy(little)))

    def logits(m):
        return m.logits(m.decode(target, m.encode(source)))

    torch.testing.assert_close(logits(ours), logits(theirs), rtol=1e-6, atol=1e-7)
    logits(ours).square().sum().backward()
    for name, parameter in ours.named_parameters():
        if name.endswith(("attention.output.weight", "ffn.outer.weight", "factor.weight")):
            assert parameter.grad.abs().max() > 0, name


def test_what_cannot_be_equal_is_refused():
    weights = made(small(2, 1, 1, 0), seed=1).state_dict()
    with pytest.raises(SystemExit, match="output.weight: found in the small model alone"):
        grow(made(large("tied"), seed=2), weights)
    with pytest.raises(SystemExit, match=r"found \[24, 16\], expected at most \[20, 16\]"):
        recipe = large()
        recipe.architecture["encoder"]["ffn_dim"] = 20
        grow(made(recipe, seed=2), weights)
    with pytest.raises(SystemExit, match=r"embedding: found \[400, 16\], expected \[401, 16\]"):
        recipe = large()
        recipe.prepare.vocab_size = 401
        grow(made(recipe, seed=2), weights)
    with pytest.raises(SystemExit, match="output.factor.weight: found nothing"):
        recipe = of_higher_rank()
        recipe.architecture["output_rank"] = 16  # as many as model_dim, and yet not the same
        grow(made(recipe, seed=2), made(large(), seed=1).state_dict())
    with pytest.raises(SystemExit, match="norm: found post"):
        recipe = large()
        recipe.architecture["norm"] = "post"
        grow(made(recipe, seed=2), weights)
