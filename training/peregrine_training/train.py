"""Trains a model; stops and goes on at will, from its last checkpoint.

    python -m peregrine_training.train configs/en-de-mdn.toml [--deadline 07:40]
    torchrun --nproc-per-node=2 -m peregrine_training.train configs/en-de-mdn.toml

With --deadline (UTC) the learning rate reaches zero at that time, whatever the
machine's speed; otherwise after max_updates. With torchrun each process computes the
gradients of its own batches, and all take the same step. On CPUs that other programs use,
two processes of one thread are faster than one of two.
"""

from __future__ import annotations

import argparse
import datetime
import math
import os
import pathlib
import pickle
import statistics
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Iterator

import sentencepiece as spm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .data import Batch, Corpus, TrainingText, all_batches
from .distributed import Group
from .experiment import Experiment
from .loss import cross_entropy
from .model import Transformer, initialise, padding_mask
from .muon import Muon
from .recipe import PAD, Recipe, Stage, Train
from .stream import Position, Stream
from .validation import greedy_bleu

# In a run's directory: the weights that it starts from instead of random ones.
INITIAL = "initial.pt"


@dataclass
class Pace:
    """Foretells the updates left until a deadline; a pause counts as one slow update."""
    deadline: float  # seconds since 1970
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=200))

    def updates_left(self) -> float:
        if not self.seconds:
            return 1e6
        mean = statistics.fmean(min(s, 3 * statistics.median(self.seconds))
                                for s in self.seconds)
        return max((self.deadline - time.time()) / mean, 1.0)


def cycle(stages: list[Stage], progress: float) -> tuple[float, float]:
    """The share of the peak that the present cycle of the schedule starts with, and the
    cycle's own progress. A cycle ends where a stage restarts the learning rate."""
    begin, end, peak = 0.0, 1.0, 1.0
    for earlier, stage in zip(stages, stages[1:]):
        if stage.restart and progress >= earlier.until:
            begin, peak = earlier.until, stage.restart
        elif stage.restart:
            end = earlier.until
            break
    return peak, (progress - begin) / (end - begin)


def learning_rate(options: Train, position: Position, stages: list[Stage]) -> float:
    warm = min(1.0, (position.update + 1) / options.warmup_updates)
    if options.schedule == "inverse_sqrt":
        late = max(position.update + 1, options.warmup_updates) / options.warmup_updates
        return options.peak_learning_rate * warm * late ** -0.5
    share, progress = cycle(stages, position.progress)
    peak = options.peak_learning_rate * share * warm
    if options.schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * progress))
    return peak * (1 - progress)


def make_optimizers(model: Transformer, options: Train,
                    group: Group) -> list[torch.optim.Optimizer]:
    """Adam; with `muon`, that one for the matrices inside the layers."""
    matrices, rest = [], []
    for name, parameter in model.named_parameters():
        inside = options.optimizer == "muon" and ".layers." in name and parameter.dim() == 2
        (matrices if inside else rest).append(parameter)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Adam(rest, betas=(0.9, 0.98), eps=1e-9, fused=True)]
    if matrices:
        fast = torch.bfloat16 if multiplies_bfloat16(group.device) else torch.float32
        optimizers.append(Muon(matrices, group, dtype=fast))
    return optimizers


def multiplies_bfloat16(device: str) -> bool:
    """Whether a device may have instructions for bfloat16: an x86 CPU without AVX-512 has none."""
    return not device.startswith("cpu") or "512" in torch.backends.cpu.get_cpu_capability()


def fast_products(device: str) -> torch.autocast:
    """Matrices go through bfloat16 where the device may have instructions for it."""
    return torch.autocast(device.partition(":")[0], torch.bfloat16,
                          enabled=multiplies_bfloat16(device))


def batch_loss(model: Transformer, batch: Batch, smoothing: float) -> tuple[Tensor, int]:
    """The summed loss over a batch's target tokens, and their number."""
    mask = padding_mask(batch.source_lengths, batch.source.shape[1])
    memory = model.encode(batch.source, mask)
    z = model.decode(batch.target_in, memory, mask)
    real = batch.target_out != PAD
    features = model.output.features(z[real])
    loss = cross_entropy(features, model.output_matrix, model.output_bias,
                         batch.target_out[real], smoothing)
    return loss, int(real.sum())


@torch.no_grad()
def mean_loss(model: Transformer, corpus: Corpus, batch_tokens: int,
              group: Group | None = None) -> float:
    """Loss per token without dropout and smoothing, in autocast's precision where it is on.

    The processes of a group share the work.
    """
    model.eval()
    group, device = group or Group(), next(model.parameters()).device
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    for i, batch in enumerate(all_batches(corpus, batch_tokens)):
        if i % group.size == group.rank:
            loss, tokens = batch_loss(model, to_device(batch, device), 0.0)
            sums += torch.tensor([float(loss), tokens], dtype=torch.float64, device=device)
    total, count = group.sum(sums).tolist()
    return total / count


def load_weights(path: pathlib.Path) -> dict[str, Tensor]:
    """The parameters in a checkpoint, an average, an initial state or a model directory."""
    try:
        if path.is_dir():
            tensors = load_file(path / "model.safetensors")
            return {name: tensor.float() for name, tensor in tensors.items()}
        return torch.load(path, map_location="cpu", weights_only=True)["model"]
    except OSError as error:
        raise SystemExit(f"{path}: cannot be read as weights: {error}") from error
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, KeyError, EOFError) as error:
        raise SystemExit(f"{path}: found no weights; expected a checkpoint of this package, or "
                         "a directory with model.safetensors") from error


def check_architecture(reference: dict[str, Tensor], weights: dict[str, Tensor],
                       path: pathlib.Path) -> None:
    """Refuses weights read from `path` whose names and shapes are not the reference's."""
    expected = {name: list(tensor.shape) for name, tensor in reference.items()}
    found = {name: list(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise SystemExit(f"{path} belongs to another architecture: {name}: found "
                             f"{found.get(name, 'nothing')}, expected "
                             f"{expected.get(name, 'nothing')}")


def adopt(model: Transformer, weights: dict[str, Tensor], path: pathlib.Path) -> None:
    """Puts weights read from `path` into the model; refuses another architecture's."""
    check_architecture(model.state_dict(), weights, path)
    model.load_state_dict(weights)


def save_atomically(state: dict[str, Any], path: pathlib.Path) -> None:
    """The file is whole or not there, on a full disk, too."""
    temporary = path.with_suffix(".tmp")
    try:
        torch.save(state, temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise SystemExit(f"{path} could not be written: {error}") from error


def checkpoints(run: pathlib.Path) -> list[pathlib.Path]:
    """A run's checkpoints, oldest first."""
    return sorted(run.glob("checkpoint-*.pt"))


def development_sets(recipe: Recipe, data: pathlib.Path) -> dict[str, Corpus]:
    """The encoded development sets of a recipe, by name."""
    names = [pathlib.Path(name).name for name in recipe.prepare.development]
    return {name: Corpus.load(data / f"{name}.npz") for name in names}


class Trainer:
    """One run in one directory."""

    def __init__(self, recipe: Recipe, run: pathlib.Path, data: pathlib.Path,
                 deadline: float | None = None, group: Group | None = None,
                 until: int | None = None) -> None:
        self.until = until  # ends at this update, wherever the schedule is
        self.recipe, self.options, self.run = recipe, recipe.train, run
        self.group = group or Group()
        self.device = self.group.device
        self.vocabulary = spm.SentencePieceProcessor(model_file=str(data / "source.spm"))
        self.stream = Stream(TrainingText.load(data / "train.npz"), self.vocabulary, recipe,
                             self.group)
        self.development = development_sets(recipe, data)
        torch.manual_seed(self.options.seed)
        self.model = Transformer(recipe.model_config().architecture,
                                 self.options.encoder_dropout, self.options.decoder_dropout)
        initialise(self.model)
        self.model.to(self.device)
        self.optimizers = make_optimizers(self.model, self.options, self.group)
        self.position = Position()
        self.pace = Pace(deadline) if deadline else None
        self.last_checkpoint = time.monotonic()
        run.mkdir(parents=True, exist_ok=True)
        self.experiment = Experiment(run) if self.group.first else None

    def resume(self) -> None:
        """Goes on from the last checkpoint, or from what initialise.py wrote, if any."""
        saved = checkpoints(self.run)
        if not saved:
            if (self.run / INITIAL).exists():
                adopt(self.model, load_weights(self.run / INITIAL), self.run / INITIAL)
                print(f"starts from {self.run / INITIAL}", flush=True)
            return
        state = torch.load(saved[-1], map_location=self.device, weights_only=True)
        adopt(self.model, state["model"], saved[-1])
        for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        self.position = Position(**state["position"])
        print(f"resumed at update {self.position.update}", flush=True)

    def checkpoint(self) -> None:
        self.last_checkpoint = time.monotonic()
        if not self.group.first:
            return
        state = {"model": self.model.state_dict(),
                 "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                 "position": vars(self.position)}
        save_atomically(state, self.run / f"checkpoint-{self.position.update:07d}.pt")
        for old in checkpoints(self.run)[:-self.options.keep_checkpoints]:
            old.unlink()

    def gradients(self, batches: list[Batch]) -> tuple[float, int]:
        """Sums the gradients of some batches of every process; their mean loss and tokens."""
        # Dropout depends on the update alone, so that a resumed run is the same run.
        torch.manual_seed((self.options.seed * 1_000_003 + self.position.update)
                          * 1009 + self.group.rank)
        self.model.train()
        losses, tokens = 0.0, 0
        for batch in batches:
            with fast_products(self.device):
                loss, count = batch_loss(self.model, to_device(batch, self.device),
                                         self.options.label_smoothing)
            loss.backward()
            losses, tokens = losses + float(loss.detach()), tokens + count
        gradients = [parameter.grad for parameter in self.model.parameters()]
        if self.group.size > 1:
            flat = torch.cat([gradient.flatten() for gradient in gradients]
                             + [torch.tensor([losses, tokens], device=self.device)])
            parts = self.group.sum(flat).split([g.numel() for g in gradients] + [2])
            losses, tokens = parts[-1].tolist()
            for gradient, part in zip(gradients, parts):
                gradient.copy_(part.view_as(gradient))
        for gradient in gradients:
            gradient.div_(tokens)
        return losses / tokens, int(tokens)

    def update(self, batches: list[Batch]) -> tuple[float, int]:
        """One step; the loss per token and the tokens."""
        rate = learning_rate(self.options, self.position, self.recipe.stages)
        for optimizer, factor in zip(self.optimizers, (1.0, self.options.matrix_rate_factor)):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        loss, tokens = self.gradients(batches)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss, tokens

    def evaluate(self) -> dict[str, float]:
        """Loss per token on each development set, without smoothing, and their mean."""
        with fast_products(self.device):
            losses = {name: mean_loss(self.model, corpus, 2 * self.options.batch_tokens,
                                      self.group)
                      for name, corpus in self.development.items()}
        return losses | {"mean": statistics.fmean(losses.values())}

    def assess(self) -> None:
        """Evaluates, and writes it down."""
        values = self.evaluate()
        improved = values["mean"] < self.position.best
        self.position.best = min(values["mean"], self.position.best)
        self.position.waited = 0 if improved else self.position.waited + 1
        if not self.experiment:
            return
        for name, corpus in self.development.items() if self.options.bleu_lines else ():
            values[f"{name} BLEU"] = greedy_bleu(self.model, self.recipe.model_config(),
                                                 self.vocabulary, corpus,
                                                 self.options.bleu_lines)
        self.experiment.evaluated(self.position, values)
        print(f"update {self.position.update} development: " + ", ".join(
            f"{name} {value:.4f}" for name, value in values.items()), flush=True)

    def advance(self, seconds: float) -> None:
        """Counts an update and moves the schedule on."""
        self.position.update += 1
        if self.pace:
            self.pace.seconds.append(seconds)
            self.position.progress += (1 - self.position.progress) / self.pace.updates_left()
        else:
            self.position.progress = self.position.update / self.options.max_updates
        self.position.progress = self.group.of_first([self.position.progress])[0]

    def finished(self) -> bool:
        if 0 < self.options.patience <= self.position.waited:
            return True
        if self.until and self.position.update >= self.until:
            return True
        if self.pace:
            return bool(self.group.of_first([time.time() >= self.pace.deadline])[0])
        return self.position.update >= self.options.max_updates

    def checkpoint_due(self) -> bool:
        return time.monotonic() - self.last_checkpoint > 60 * self.options.checkpoint_minutes

    def train(self) -> None:
        report, stream = Report(), self.stream.batches(self.position)
        while not self.finished():
            begin = time.monotonic()
            loss, tokens = self.update([next(stream)
                                        for _ in range(self.options.accumulate)])
            self.advance(time.monotonic() - begin)
            report.add(loss, tokens, time.monotonic() - begin)
            if self.position.update % self.options.report_updates == 0:
                if self.experiment:
                    report.show(self)
                report = Report()
            if self.position.update % self.options.evaluate_updates == 0:
                self.assess()
            if self.checkpoint_due():
                self.checkpoint()
        self.checkpoint()
        self.assess()
        if self.group.first:
            print(f"finished at update {self.position.update}", flush=True)


@dataclass
class Report:
    """Sums since the last progress line."""
    loss: float = 0.0
    tokens: int = 0
    seconds: float = 0.0

    def add(self, loss: float, tokens: int, seconds: float) -> None:
        self.loss += loss * tokens
        self.tokens += tokens
        self.seconds += seconds

    def show(self, trainer: Trainer) -> None:
        where = trainer.position
        left = (trainer.pace.deadline - time.time() if trainer.pace else self.seconds
                / trainer.options.report_updates * (trainer.options.max_updates - where.update))
        rate = learning_rate(trainer.options, where, trainer.recipe.stages)
        trainer.experiment.reported(where, self.loss / self.tokens, self.tokens,
                                    self.seconds, rate)
        print(f"{time.strftime('%H:%M:%S', time.gmtime())} update {where.update} "
              f"epoch {where.epoch} stage {where.stage} loss {self.loss / self.tokens:.4f} "
              f"{self.tokens / self.seconds:.0f} target tokens/s rate {rate:.2e} "
              f"progress {where.progress:.3f} {left / 60:.0f} minutes left", flush=True)


def to_device(batch: Batch, device: str | torch.device) -> Batch:
    return Batch(**{name: value.to(device) for name, value in vars(batch).items()})


def parse_deadline(text: str) -> float:
    """HH:MM in UTC, the next such time, in seconds since 1970."""
    now = datetime.datetime.now(datetime.timezone.utc)
    hour, minute = map(int, text.split(":"))
    when = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (when if when > now else when + datetime.timedelta(days=1)).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("--into", type=pathlib.Path, dest="run", help="default: runs/<name>")
    parser.add_argument("--data", type=pathlib.Path, help="default: runs/<name>/data")
    parser.add_argument("--deadline", type=parse_deadline, help="HH:MM, UTC")
    parser.add_argument("--until", type=int, help="ends at this update, in mid-schedule")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    run = arguments.run or pathlib.Path("runs") / recipe.name
    trainer = Trainer(recipe, run, arguments.data or pathlib.Path("runs") / recipe.name / "data",
                      arguments.deadline, until=arguments.until)
    trainer.resume()
    trainer.train()


if __name__ == "__main__":
    main()
