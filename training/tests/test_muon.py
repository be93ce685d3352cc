"""Muon beside torch.optim.Muon, and shared by two processes."""

from __future__ import annotations

import os
import pathlib
import socket

import pytest
import torch
from torch import Tensor, nn

from peregrine_training.distributed import Group
from peregrine_training.muon import Muon, orthogonalise

SHAPES = ((24, 60), (60, 24), (32, 32), (1, 8), (7, 40))


def matrices() -> list[nn.Parameter]:
    torch.manual_seed(3)
    return [nn.Parameter(torch.randn(shape)) for shape in SHAPES]


def three_steps(parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The matrices after three steps with gradients that depend on the step alone."""
    for step in range(3):
        torch.manual_seed(step)
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape)
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


def test_takes_the_steps_of_torch():
    ours, theirs = matrices(), matrices()
    three_steps(ours, Muon(ours, Group(), lr=0.02))
    three_steps(theirs, torch.optim.Muon(theirs, lr=0.02, weight_decay=0.0, momentum=0.95,
                                         adjust_lr_fn="match_rms_adamw"))
    for our, their, start in zip(ours, theirs, matrices(), strict=True):
        moved = (their - start).norm()
        assert (our - their).norm() < 0.03 * moved  # torch multiplies in bfloat16


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-4), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonalised_matrices_keep_their_singular_vectors(shape, dtype, tolerance):
    torch.manual_seed(1)
    matrix = torch.randn(shape)
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    inside = u.T @ orthogonalise(matrix, dtype).float() @ vh.T
    values = inside.diagonal()
    assert 0.3 < values.min() and values.max() < 1.3
    assert (inside - torch.diag(values)).abs().max() < tolerance


def one_of_two(rank: int, port: int, folder: str) -> None:
    os.environ |= {"WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": "0",
                   "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    parameters = matrices()
    torch.save(three_steps(parameters, Muon(parameters, Group())),
               pathlib.Path(folder) / f"{rank}.pt")


@pytest.mark.skipif(torch.cuda.is_available(), reason="two processes of one device")
def test_two_processes_share_the_work(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(one_of_two, (port, str(tmp_path)), nprocs=2)
    alone = matrices()
    three_steps(alone, Muon(alone, Group()))
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    for one, other, whole in zip(first, second, alone, strict=True):
        assert torch.equal(one, other)
        torch.testing.assert_close(one, whole.detach())
