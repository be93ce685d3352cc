"""Muon for matrices, shared by the processes of a run.

torch.optim.Muon orthogonalises in bfloat16 everywhere. A CPU without such instructions takes many
times as long for that as for float32, one with AMX a third; and every process would do the same
work.
"""

from __future__ import annotations

from typing import Iterable

import torch
from torch import Tensor, nn

from .distributed import Group

# Jordan 2024, "Muon: An optimizer for hidden layers in neural networks".
COEFFICIENTS, STEPS = (3.4445, -4.7750, 2.0315), 5


def orthogonalise(matrix: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """A matrix with the singular vectors of the given one and singular values near 1.

    `dtype` is that of the products and of the result.
    """
    a, b, c = COEFFICIENTS
    x = matrix.t() if matrix.shape[0] > matrix.shape[1] else matrix
    x = (x / x.norm().clamp(min=1e-7)).to(dtype)
    for _ in range(STEPS):
        gram = x @ x.t()
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.t() if matrix.shape[0] > matrix.shape[1] else x


class Muon(torch.optim.Optimizer):
    """Steps of 0.2 times the root mean square that Adam's would have at the same rate.

    Every process must hold the same parameters and gradients. Each orthogonalises its share of
    the matrices, by products of `dtype`, and all add up what the others found.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], group: Group, lr: float = 1e-3,
                 momentum: float = 0.95, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum})
        self.group, self.dtype = group, dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for options in self.param_groups:
            matrices = [matrix for matrix in options["params"] if matrix.grad is not None]
            directions = [self._direction(matrix, options["momentum"]) for matrix in matrices]
            for i, direction in enumerate(directions):
                if i % self.group.size == self.group.rank:
                    direction.copy_(orthogonalise(direction, self.dtype))
                else:
                    direction.zero_()
            if self.group.size > 1:
                flat = self.group.sum(torch.cat([d.flatten() for d in directions]))
                directions = [part.view_as(d) for part, d in zip(
                    flat.split([d.numel() for d in directions]), directions)]
            for matrix, direction in zip(matrices, directions):
                matrix.add_(direction, alpha=-options["lr"] * 0.2 * max(matrix.shape) ** 0.5)

    def _direction(self, matrix: Tensor, momentum: float) -> Tensor:
        """Nesterov's look ahead from the running mean of the gradients."""
        state = self.state[matrix]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(state["momentum_buffer"], momentum)
