"""The decoder over whole sequences against one step after another."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from peregrine_convert.config import Architecture, from_dict
from peregrine_training.goldens import tiny_config
from peregrine_training.model import (AverageAttention, CompressedAttention, SimpleRecurrentUnit,
                                      fused_attention, plain_attention,
                                      Transformer, initialise, linear_recurrence, padding_mask)
from peregrine_training.tiny_models import TINY_MODELS, TinyModel, randomize

STATES = [tiny for tiny in TINY_MODELS
          if tiny.architecture["decoder"].get("state", "self_attention") != "self_attention"]
by_name = pytest.mark.parametrize("tiny", TINY_MODELS, ids=lambda tiny: tiny.name)


def random_model(tiny: TinyModel) -> Transformer:
    model = Transformer(tiny_config(tiny).architecture)
    randomize(model, seed=3)
    return model.eval().in_float64()


def random_input(tiny: TinyModel, length: int) -> Tensor:
    torch.manual_seed(4)
    dim = tiny.architecture["decoder"]["model_dim"]
    return torch.randn(2, length, dim, dtype=torch.float64)


@by_name
@torch.no_grad()
def test_a_position_sees_nothing_of_what_follows(tiny):
    model = random_model(tiny)
    memory = model.encode(torch.tensor([[7, 8, 9, 2]]))
    target = torch.tensor([[1, 9, 8, 30, 31, 5, 44]])
    whole = model.decode(target, memory)
    for length in range(1, target.shape[1] + 1):
        torch.testing.assert_close(model.decode(target[:, :length], memory),
                                   whole[:, :length])


@by_name
@torch.no_grad()
def test_source_padding_is_not_seen(tiny):
    model = random_model(tiny)
    lengths, target = torch.tensor([3, 6]), torch.tensor([[1, 9, 8, 30]])
    source = torch.tensor([[7, 8, 9, 5, 6, 7], [9, 8, 7, 6, 5, 4]])
    mask = padding_mask(lengths, 6)
    together = model.decode(target.repeat(2, 1), model.encode(source, mask), mask)
    for row, length in enumerate(lengths.tolist()):
        memory = model.encode(source[row:row + 1, :length])
        torch.testing.assert_close(model.decode(target, memory)[0], together[row])


def average_steps(layer: AverageAttention, x: Tensor) -> Tensor:
    mean, steps = torch.zeros_like(x[:, 0]), []
    for t in range(1, x.shape[1] + 1):
        u = x[:, t - 1]
        mean = ((t - 1) * mean + u) / t
        y = layer.outer(layer.activation(layer.inner(mean))) if hasattr(layer, "inner") else mean
        steps.append(torch.sigmoid(layer.input_gate(u)) * u
                     + torch.sigmoid(layer.forget_gate(y)) * y)
    return torch.stack(steps, 1)


def ssru_steps(layer: SimpleRecurrentUnit, x: Tensor) -> Tensor:
    cell, steps = torch.zeros_like(x[:, 0]), []
    for u in x.unbind(1):
        forget = torch.sigmoid(layer.forget_gate(u))
        cell = forget * cell + (1 - forget) * layer.input(u)
        steps.append(torch.relu(cell))
    return torch.stack(steps, 1)


def compressed_steps(layer: CompressedAttention, x: Tensor, memory: Tensor) -> Tensor:
    """Head by head and row by row, as the format says it."""
    rows = []
    for u, e in zip(x, memory):
        steps = []
        for t in range(1, len(u) + 1):
            keys = torch.cat([layer.source_key(e), layer.key(u[:t])])
            values = torch.cat([layer.source_value(e), layer.value(u[:t])])
            heads = zip(layer.query(u[t - 1]).chunk(layer.heads),
                        keys.chunk(layer.heads, 1), values.chunk(layer.heads, 1))
            mixed = torch.cat([torch.softmax(k @ q / layer.head_dim ** 0.5, 0) @ v
                               for q, k, v in heads])
            steps.append(layer.output(torch.relu(mixed + layer.inner(u[t - 1]))))
        rows.append(torch.stack(steps))
    return torch.stack(rows)


@pytest.mark.parametrize("tiny", STATES, ids=lambda tiny: tiny.name)
@pytest.mark.parametrize("length", [1, 2, 13])
@torch.no_grad()
def test_parallel_equals_step_by_step(tiny, length):
    layer = random_model(tiny).decoder.layers[-1]
    x = random_input(tiny, length)
    if layer.state == "aan":
        found = layer.average_attention.branch(x)
        expected = average_steps(layer.average_attention, x)
    elif layer.state == "ssru":
        found, expected = layer.ssru.branch(x), ssru_steps(layer.ssru, x)
    else:
        memory = torch.randn(2, 5, tiny.architecture["encoder"]["model_dim"],
                             dtype=torch.float64)
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        found = layer.compressed_attention.branch(x, causal, memory)
        expected = compressed_steps(layer.compressed_attention, x, memory)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("length", [2, 3, 8, 9, 31])
def test_linear_recurrence_and_its_gradients(length):
    torch.manual_seed(5)
    factors = torch.rand(2, length, 3, dtype=torch.float64, requires_grad=True)
    summands = torch.randn(2, length, 3, dtype=torch.float64, requires_grad=True)
    cell, steps = torch.zeros(2, 3, dtype=torch.float64), []
    for t in range(length):
        cell = factors[:, t] * cell + summands[:, t]
        steps.append(cell)
    expected, found = torch.stack(steps, 1), linear_recurrence(factors, summands)
    torch.testing.assert_close(found, expected)
    for mine, theirs in zip(torch.autograd.grad(found.sin().sum(), (factors, summands)),
                            torch.autograd.grad(expected.sin().sum(), (factors, summands))):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("tiny", STATES, ids=lambda tiny: tiny.name)
def test_starting_weights_learn(tiny):
    """From initialise(), a few updates lower the loss, and no weight is left out."""
    torch.manual_seed(6)
    model = Transformer(tiny_config(tiny).architecture)
    initialise(model)
    source, target = torch.randint(4, 60, (8, 5)), torch.randint(4, 60, (8, 6))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(20):
        with torch.autocast("cpu", torch.bfloat16):
            logits = model.logits(model.decode(target[:, :-1], model.encode(source)))
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1),
                                                 target[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] < 6 and losses[-1] < losses[0] - 0.3
    for name, weight in model.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name


@pytest.mark.parametrize("change, message", [
    ({"state": "rnn"}, "decoder.state is 'rnn'"),
    ({"aan_ffn_dim": 8}, "decoder.aan_ffn_dim is 8; expected 0"),
    ({"state": "can", "ffn_dim": 0}, "decoder.ffn_dim is 0; expected a multiple"),
    ({"state": "can", "ffn_dim": 65, "num_heads": 2}, "decoder.ffn_dim is 65")])
def test_senseless_states_are_refused(change, message):
    architecture = dict(TINY_MODELS[0].architecture)
    architecture["decoder"] = architecture["decoder"] | change
    with pytest.raises(ValueError, match=message):
        from_dict(Architecture, architecture)


@pytest.mark.parametrize("masked", [False, True])
def test_both_kinds_of_attention_agree(masked):
    torch.manual_seed(0)
    query, key, value = (torch.randn(3, 2, length, 8) for length in (5, 7, 7))
    mask = torch.arange(7) < torch.tensor([7, 4, 1])[:, None, None, None] if masked else None
    torch.testing.assert_close(plain_attention(query, key, value, mask),
                               fused_attention(query, key, value, mask))
