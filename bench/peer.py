"""CTranslate2's side of the comparison: its models, and a process that decodes.

Run as a program it speaks as engine_bench does: for every line on standard input it
decodes the whole workload once and answers with one line of JSON. So its peak memory is
its own.
"""

import argparse
import json
import math
import os
import random
import resource
import statistics
import sys
import time
from dataclasses import dataclass

import ctranslate2
import numpy as np
from ctranslate2.specs import TransformerSpec, common_spec


@dataclass(frozen=True)
class Shape:
    """A model of width 512, ffn 2048, 8 heads, pre-norm, ReLU."""

    encoder_layers: int
    decoder_layers: int
    vocabulary: int


# The peer has no Mini-Decoder (one head of 64 at width 512, no ffn, factorised
# output), so that model runs without it.
PEER_SHAPES = {"base": Shape(6, 6, 32000), "12-1": Shape(12, 1, 10000)}


def fill_linear(spec, out_dim, in_dim, generator):
    weight = generator.standard_normal((out_dim, in_dim), dtype=np.float32)
    spec.weight = weight / np.float32(math.sqrt(in_dim))
    spec.bias = np.zeros(out_dim, dtype=np.float32)


def fill_norm(spec, dim=512):
    spec.gamma = np.ones(dim, dtype=np.float32)
    spec.beta = np.zeros(dim, dtype=np.float32)


def save_peer_model(shape, directory, dim=512, ffn=2048, heads=8):
    """Writes a model of random float32 weights through the peer's own package."""
    generator = np.random.default_rng(1)
    spec = TransformerSpec.from_config(
        (shape.encoder_layers, shape.decoder_layers), heads, pre_norm=True,
        activation=common_spec.Activation.RELU)
    embedding = generator.standard_normal((shape.vocabulary, dim), dtype=np.float32)
    embedding /= np.float32(math.sqrt(dim))
    spec.encoder.embeddings[0].weight = embedding
    spec.decoder.embeddings.weight = embedding.copy()
    spec.decoder.projection.weight = embedding.copy()
    spec.decoder.projection.bias = np.zeros(shape.vocabulary, dtype=np.float32)
    for side in (spec.encoder, spec.decoder):
        side.position_encodings.encodings = "__optional"  # computed by the runtime
        fill_norm(side.layer_norm)
        for layer in side.layer:
            fill_norm(layer.self_attention.layer_norm)
            fill_linear(layer.self_attention.linear[0], 3 * dim, dim, generator)
            fill_linear(layer.self_attention.linear[1], dim, dim, generator)
            if side is spec.decoder:
                fill_norm(layer.attention.layer_norm)
                fill_linear(layer.attention.linear[0], dim, dim, generator)
                fill_linear(layer.attention.linear[1], 2 * dim, dim, generator)
                fill_linear(layer.attention.linear[2], dim, dim, generator)
            fill_norm(layer.ffn.layer_norm)
            fill_linear(layer.ffn.linear_0, ffn, dim, generator)
            fill_linear(layer.ffn.linear_1, dim, ffn, generator)
    tokens = ["<unk>", "<s>", "</s>"] + [f"t{i}" for i in range(3, shape.vocabulary)]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.config.add_source_eos = True
    spec.config.decoder_start_token = "</s>"
    spec.validate()
    spec.optimize(quantization="float32")
    os.makedirs(directory, exist_ok=True)
    spec.save(directory)


class Peer:
    """CTranslate2 on one thread over the same workload."""

    def __init__(self, directory, vocabulary, lengths, beam_size, batch_size, precision):
        self.translator = ctranslate2.Translator(
            directory, device="cpu", compute_type=precision, inter_threads=1,
            intra_threads=1)
        generator = random.Random(17)
        # It sorts by length only within one call's reading window: sort here.
        self.batches = []
        ordered = sorted(lengths, reverse=True)
        for begin in range(0, len(ordered), batch_size):
            self.batches.append(
                [[f"t{generator.randrange(4, vocabulary)}" for _ in range(length)]
                 for length in ordered[begin:begin + batch_size]])
        self.beam_size = beam_size

    def run(self):
        """Decodes everything once. The peer's length options are per batch, so
        every sentence of a batch gets their mean: the same number of tokens in
        all, and no step wasted on finished rows, which favours the peer."""
        begin = time.perf_counter()
        cpu_begin = time.process_time()
        tokens = 0
        latencies = []
        for batch in self.batches:
            start = time.perf_counter()
            length = round(statistics.mean(len(source) for source in batch))
            results = self.translator.translate_batch(
                batch, beam_size=self.beam_size, max_batch_size=0, length_penalty=0.6,
                min_decoding_length=length, max_decoding_length=length)
            tokens += sum(len(result.hypotheses[0]) for result in results)
            latencies += [time.perf_counter() - start] * len(batch)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"seconds": time.perf_counter() - begin,
                "cpu_seconds": time.process_time() - cpu_begin, "target_tokens": tokens,
                "latency_p50": statistics.median(latencies), "max_rss_bytes": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--model", required=True, help="a folder of save_peer_model")
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--lengths", required=True, help="file: a source length a line")
    parser.add_argument("--beam-size", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--precision", default="float32")
    args = parser.parse_args()
    with open(args.lengths, encoding="utf-8") as file:
        lengths = [int(line) for line in file]
    peer = Peer(args.model, args.vocabulary, lengths, args.beam_size, args.batch_size,
                args.precision)
    for _ in sys.stdin:
        print(json.dumps(peer.run()), flush=True)


if __name__ == "__main__":
    main()
