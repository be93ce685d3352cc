"""The processes of one run, as torchrun starts them; one process where it does not."""

from __future__ import annotations

import os

import torch
import torch.distributed
from torch import Tensor


class Group:
    """All processes of a run. Each sees its own share of the data and the same weights."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = "cpu"
        if torch.cuda.is_available():
            self.device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(self.device)
        if self.size > 1 and not torch.distributed.is_initialized():
            torch.distributed.init_process_group(
                "nccl" if self.device.startswith("cuda") else "gloo")

    @property
    def first(self) -> bool:
        """True in the one process that writes files."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Adds up, in place."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
        return values

    def least(self, value: int) -> int:
        if self.size == 1:
            return value
        tensor = torch.tensor([value], device=self.device)
        torch.distributed.all_reduce(tensor, torch.distributed.ReduceOp.MIN)
        return int(tensor)

    def of_first(self, values: list[float]) -> list[float]:
        """The first process's numbers, in every process."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(tensor, 0)
        return tensor.tolist()
