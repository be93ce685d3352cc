"""Label-smoothed cross-entropy that never holds all logits at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# Rows of logits at a time: 128 x 8000 floats (4 MB) stay in a CPU's cache.
CHUNK_ROWS = {"cpu": 128, "cuda": 8192}


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Sum over rows; computes the gradients in the forward pass, chunk by chunk."""

    @staticmethod
    def forward(ctx, features: Tensor, matrix: Tensor, bias: Tensor | None,
                targets: Tensor, smoothing: float) -> Tensor:
        wide = matrix.to(features.dtype)
        total = torch.zeros((), device=features.device)
        d_features = torch.empty_like(features)
        d_matrix = torch.zeros_like(matrix, dtype=torch.float32)
        d_bias = torch.zeros_like(matrix[:, 0], dtype=torch.float32)
        step = CHUNK_ROWS[features.device.type]
        for begin in range(0, len(targets), step):
            rows, labels = features[begin:begin + step], targets[begin:begin + step]
            logits = F.linear(rows, wide).float()
            if bias is not None:
                logits += bias
            loss, d_logits = _rows(logits, labels, smoothing)
            total += loss
            narrow = d_logits.to(features.dtype)
            d_features[begin:begin + step] = narrow @ wide
            d_matrix += (narrow.t() @ rows).float()
            if bias is not None:
                d_bias += d_logits.sum(0)
        ctx.save_for_backward(d_features, d_matrix, d_bias)
        ctx.has_bias = bias is not None
        return total

    @staticmethod
    def backward(ctx, scale: Tensor):
        d_features, d_matrix, d_bias = ctx.saved_tensors
        return (d_features * scale, d_matrix * scale,
                d_bias * scale if ctx.has_bias else None, None, None)


def _rows(logits: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """The loss of some rows and its gradient, which replaces the logits in place."""
    picked = logits.gather(1, labels[:, None]).sum()
    mean = logits.mean(1).sum() if smoothing else 0.0
    highest = logits.amax(1, keepdim=True)
    probabilities = logits.sub_(highest).exp_()
    sums = probabilities.sum(1, keepdim=True)
    normalisers = (sums.log() + highest).sum()
    loss = normalisers - (1 - smoothing) * picked - smoothing * mean
    gradient = probabilities.div_(sums)
    if smoothing:
        gradient -= smoothing / logits.shape[1]
    gradient.scatter_add_(1, labels[:, None], torch.full_like(sums, smoothing - 1))
    return loss, gradient


def cross_entropy(features: Tensor, matrix: Tensor, bias: Tensor | None, targets: Tensor,
                  smoothing: float = 0.0) -> Tensor:
    """Sum over N rows: features [N, R], matrix [V, R], targets [N]."""
    return _ChunkedCrossEntropy.apply(features, matrix, bias, targets, smoothing)
