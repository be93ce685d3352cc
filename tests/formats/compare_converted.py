"""Compares what `peregrine convert` makes with the classes of fairseq and OpenNMT-py.

    ninja -C build/release model_probe
    python tests/formats/compare_converted.py build/release/bin/model_probe [fairseq] [opennmt]

Models of the size of Transformer-base with random weights, saved as the toolkit saves
them. Prints the largest deviations; fails where they are above 1e-4 of the largest value
of a row, or a token differs. With --steered searches of fairseq are steered as well, which takes
two minutes: prefix_tokens and no_repeat_ngram_size must give the same n-best lists. Its constraints put phrases at other
places (docs/decisions/0014): both must hold each phrase, and it is printed whose best
translation is the more probable. README.md says how to install the toolkits.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import pathlib
import random
import subprocess
import sys
import tempfile
import types
import unittest.mock
from typing import Any, Callable

import numpy as np
import torch
from torch import Tensor

from probe import Probe

TRAINING = pathlib.Path(__file__).resolve().parents[2] / "training"
TOLERANCE = 1e-4
PIECES = [f"w{n}" for n in range(1000)]
SENTENCES = 4
BEAMS = (1, 4)
MAX_LENGTH = 60
MAX_STEERED_LENGTH = 30
# So that hypotheses end: what the end symbol's logit is raised by.
END_BIAS = 1.0


@dataclasses.dataclass
class Reference:
    """A model of a toolkit. `source` is what the encoder sees, the end symbol and all."""
    parameters: int
    encode: Callable[[list[int]], Tensor]
    logits: Callable[[list[int], list[int]], Tensor]
    start: int
    source_suffix: list[int]
    # N-best lists of a beam; none where the toolkit's search is not compared.
    search: Callable[[list[int], int], list[list[int]]] | None = None
    # The same with options in the words of model_probe, and scores: sums.
    steered: Callable[[list[int], dict[str, Any]], list[tuple[list[int], float]]] | None = None


def randomise(model: torch.nn.Module) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            for name, parameter in module.named_parameters(recurse=False):
                parameter.normal_(std=parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.1)
                if isinstance(module, torch.nn.LayerNorm) and name == "weight":
                    parameter.add_(1)


def see_generated_tokens(blocker: torch.nn.Module) -> None:
    """Mends fairseq 0.12.2 (its issues 4709 and 5206): it compares with the padding behind
    the tokens, and so forbids nothing."""
    forward = blocker.forward

    def mended(tokens: Tensor, lprobs: Tensor, batch: int, beam: int, step: int) -> Tensor:
        return forward(tokens[:, :step + 1], lprobs, batch, beam, step)

    blocker.forward = mended


def fairseq(checkpoint: pathlib.Path) -> Reference:
    # It has defaults that Python 3.11 takes for mutable, since they have no hash.
    hashed = functools.partial(dataclasses.dataclass, unsafe_hash=True)
    with unittest.mock.patch("dataclasses.dataclass", hashed):
        from fairseq.data import Dictionary
        from fairseq.models.transformer import TransformerModel, base_architecture
        from fairseq.search import LexicallyConstrainedBeamSearch
        from fairseq.sequence_generator import SequenceGenerator
        from fairseq.token_generation_constraints import pack_constraints

    dictionary = Dictionary()
    for piece in PIECES:
        dictionary.add_symbol(piece)
    args = argparse.Namespace(arch="transformer", source_lang="en", target_lang="de",
                              encoder_normalize_before=True, decoder_normalize_before=True,
                              max_source_positions=256, max_target_positions=256)
    base_architecture(args)
    task = types.SimpleNamespace(source_dictionary=dictionary, target_dictionary=dictionary)
    model = TransformerModel.build_model(args, task).eval()
    randomise(model)
    end = dictionary.eos()
    with torch.no_grad():
        bias = model.decoder.layer_norm.bias
        model.decoder.output_projection.weight[end] += END_BIAS * bias / bias.square().sum()
    torch.save({"args": args, "model": model.state_dict()}, checkpoint)

    def encode(source: list[int]) -> Tensor:
        return model.encoder(torch.tensor([source]), torch.tensor([len(source)]))[
            "encoder_out"][0][:, 0]

    def logits(source: list[int], target: list[int]) -> Tensor:
        return model(torch.tensor([source]), torch.tensor([len(source)]),
                     torch.tensor([target]))[0][0]

    def search(source: list[int], beam: int) -> list[list[int]]:
        generator = SequenceGenerator([model], dictionary, beam_size=beam, max_len_a=0,
                                      max_len_b=MAX_LENGTH)
        sample = {"net_input": {"src_tokens": torch.tensor([source]),
                                "src_lengths": torch.tensor([len(source)])}}
        return [hypothesis["tokens"].tolist()[:-1]
                for hypothesis in generator.generate([model], sample)[0]]

    def steered(source: list[int], options: dict[str, Any]) -> list[tuple[list[int], float]]:
        constraints = options.get("must_contain")
        strategy = (LexicallyConstrainedBeamSearch(dictionary, "unordered") if constraints
                    else None)
        generator = SequenceGenerator(
            [model], dictionary, beam_size=options["beam_size"], max_len_a=0,
            max_len_b=MAX_STEERED_LENGTH, normalize_scores=False, search_strategy=strategy,
            no_repeat_ngram_size=options.get("no_repeat_ngram_size", 0))
        if generator.repeat_ngram_blocker:
            see_generated_tokens(generator.repeat_ngram_blocker)
        sample = {"net_input": {"src_tokens": torch.tensor([source]),
                                "src_lengths": torch.tensor([len(source)])}}
        prefix = options.get("prefix")
        found = generator.generate(
            [model], sample,
            prefix_tokens=torch.tensor([prefix]) if prefix else None,
            constraints=(pack_constraints([[torch.tensor(one) for one in constraints]])
                         if constraints else None))[0]
        return [(one["tokens"].tolist()[:-1], float(one["score"])) for one in found]

    return Reference(sum(p.numel() for p in model.parameters()), encode, logits, end, [end],
                     search, steered)


def opennmt(checkpoint: pathlib.Path) -> Reference:
    from onmt.inputters.inputter import dict_to_vocabs
    from onmt.model_builder import build_base_model
    from onmt.opts import train_opts
    from onmt.utils.parse import ArgumentParser

    pieces = ["<unk>", "<blank>", "<s>", "</s>", *PIECES]
    vocabulary = {"src": pieces, "tgt": pieces, "data_task": "seq2seq",
                  "decoder_start_token": "<s>"}
    parser = ArgumentParser()
    train_opts(parser)
    opt = parser.parse_args([
        "-data", "{}", "-src_vocab", "none", "-save_model", "none", "-encoder_type", "transformer",
        "-decoder_type", "transformer", "-enc_layers", "6", "-dec_layers", "6",
        "-hidden_size", "512", "-word_vec_size", "512", "-heads", "8", "-transformer_ff", "2048",
        "-position_encoding"])
    ArgumentParser.update_model_opts(opt)
    model = build_base_model(opt, dict_to_vocabs(vocabulary)).eval()
    randomise(model)
    state = model.state_dict()
    torch.save({"model": {name: tensor for name, tensor in state.items()
                          if not name.startswith("generator.")},
                "generator": model.generator.state_dict(), "vocab": vocabulary, "opt": opt},
               checkpoint)

    def batch(ids: list[int]) -> Tensor:
        return torch.tensor([ids]).unsqueeze(-1)

    def encode(source: list[int]) -> Tensor:
        return model.encoder(batch(source), torch.tensor([len(source)]))[0][0]

    def logits(source: list[int], target: list[int]) -> Tensor:
        # The model takes whole targets and leaves out the last token.
        states = model(batch(source), batch([*target, 0]), torch.tensor([len(source)]))[0]
        return model.generator(states)[0]

    return Reference(sum(p.numel() for p in model.parameters()), encode, logits,
                     pieces.index("<s>"), [])


TOOLKITS = {"fairseq": fairseq, "opennmt": opennmt}


def deviation(found: Any, expected: Tensor) -> float:
    """Largest difference, as a share of the largest magnitude of its row."""
    found, expected = np.asarray(found, dtype=float), expected.numpy()
    assert found.shape == expected.shape, (found.shape, expected.shape)
    return float((np.abs(found - expected)
                  / np.abs(expected).max(axis=-1, keepdims=True)).max())


def holds(tokens: list[int], phrase: list[int]) -> bool:
    return any(tokens[i:i + len(phrase)] == phrase for i in range(len(tokens)))


class SteeredSearches:
    """Compares steered searches of a toolkit, sentence by sentence."""

    def __init__(self, probe: Probe, model: Reference) -> None:
        self.probe, self.model = probe, model
        self.same = self.total = self.constrained = self.better = 0
        self.holding = True

    def ask(self, ids: list[int], options: dict[str, Any]) -> list[tuple[list[int], float]]:
        found = self.probe.ask(source=ids, max_length=MAX_STEERED_LENGTH, length_penalty=0.0,
                               **options)["hypotheses"]
        return [(one["tokens"], one["score"]) for one in found]

    def compare(self, ids: list[int], source: list[int], generator: random.Random) -> None:
        tokens = [[4 + generator.randrange(len(PIECES)) for _ in range(n)] for n in (3, 1, 2)]
        for beam in BEAMS:
            # Of single tokens fairseq forbids none.
            for options in ({"prefix": tokens[0]}, {"no_repeat_ngram_size": 2},
                            {"no_repeat_ngram_size": 3}):
                options = {"beam_size": beam, **options}
                expected = self.model.steered(source, options)
                found = self.ask(ids, options)
                self.total += 1
                self.same += [one for one, _ in found] == [one for one, _ in expected]
        phrases = tokens[1:]
        options = {"beam_size": 6, "must_contain": phrases}
        expected = self.model.steered(source, options)
        found = self.ask(ids, options)
        self.holding &= all(holds(one, phrase) for one, _ in [*found, expected[0]]
                            for phrase in phrases)
        self.constrained += 1
        self.better += found[0][1] >= expected[0][1] - TOLERANCE * abs(expected[0][1])

    def report(self) -> bool:
        print(f"  steered n-best lists: {self.same} of {self.total} identical")
        print(f"  phrases that must be there: {'all' if self.holding else 'NOT ALL'} are; the "
              f"best translation is as probable or more in {self.better} of "
              f"{self.constrained}")
        return self.same == self.total and self.holding


def compare(program: pathlib.Path, toolkit: str, with_steered: bool) -> bool:
    generator = random.Random(1)
    worst = {"encoder output": 0.0, "logits": 0.0}
    same = total = 0
    lengths: list[int] = []
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        directory = pathlib.Path(folder)
        model = TOOLKITS[toolkit](directory / "checkpoint.pt")
        print(f"{toolkit}: {model.parameters:,} parameters")
        subprocess.run([sys.executable, "-m", "peregrine_convert", directory / "checkpoint.pt",
                        "--out", directory / "model"], cwd=TRAINING, check=True)
        probe = Probe(program, directory / "model")
        steered = SteeredSearches(probe, model) if with_steered and model.steered else None
        for number in range(SENTENCES):
            ids = [4 + generator.randrange(len(PIECES)) for _ in range(generator.randint(1, 30))]
            source = [*ids, *model.source_suffix]
            target = [model.start, *ids[::-1][:12]]
            answer = probe.ask(encoder_input=source, decoder_input=target)
            worst["logits"] = max(worst["logits"],
                                  deviation(answer["logits"], model.logits(source, target)))
            answer = probe.ask(encoder_input=source)
            worst["encoder output"] = max(worst["encoder output"], deviation(
                answer["encoder_output"], model.encode(source)))
            for beam in BEAMS if model.search else ():
                found = probe.ask(source=ids, beam_size=beam,
                                  max_length=MAX_LENGTH)["hypotheses"]
                expected = model.search(source, beam)
                lengths += map(len, expected)
                total += 1
                same += [h["tokens"] for h in found] == expected
            if steered and number < 2:
                steered.compare(ids, source, generator)
        probe.close()
    for what, value in worst.items():
        print(f"  {what}: largest deviation {value:.2g} of the row's largest value")
    if total:
        print(f"  n-best lists of beams {BEAMS}: {same} of {total} identical, of "
              f"{min(lengths)} to {max(lengths)} tokens")
    good = steered.report() if steered else True
    return good and max(worst.values()) <= TOLERANCE and same == total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("probe", type=pathlib.Path, help="the program model_probe")
    parser.add_argument("toolkits", nargs="*", choices=[*TOOLKITS, []])
    parser.add_argument("--steered", action="store_true",
                        help="also searches of fairseq with a prefix, rules and phrases")
    arguments = parser.parse_args()
    # Products of single rows: threads that wait for one another take many times as long on
    # a busy machine.
    torch.set_num_threads(1)
    good = [compare(arguments.probe.resolve(), name, arguments.steered)
            for name in arguments.toolkits or TOOLKITS]
    raise SystemExit(not all(good))


if __name__ == "__main__":
    main()
