"""Another engine in a comparison: CTranslate2, or Hugging Face transformers.

    python peer.py NAME SHAPE PRECISION THREADS

Makes a Transformer of SHAPE, a JSON object, with random weights, says in a line of JSON
what it holds, and answers each line of requests with one: the far end of a ModelProcess,
see messages.h. An engine that cannot run it answers with {"error": ...} and ends.
"""

import json
import math
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Shape:
    """Pre-norm, ReLU, heads of 64, the output tied to the target embedding."""

    encoder_layers: int
    decoder_layers: int
    vocabulary: int
    dim: int = 512
    ffn: int = 2048
    heads: int = 8


def batches(lengths, batch_size):
    """Lists of lengths, the longest first. The engines' own length options are per batch, so
    every sentence of a batch gets their mean: as many tokens in all, and no step wasted on
    finished rows, which favours the engine."""
    ordered = sorted(lengths, reverse=True)
    for begin in range(0, len(ordered), batch_size):
        yield ordered[begin:begin + batch_size]


class CTranslate2:
    """Needs the packages ctranslate2 and numpy."""

    def __init__(self, shape, precision, threads, directory=None):
        import ctranslate2  # pylint: disable=import-outside-toplevel
        with tempfile.TemporaryDirectory() as folder:
            directory = directory or folder
            if not os.path.exists(os.path.join(directory, "model.bin")):
                self.save(shape, directory)
            self.translator = ctranslate2.Translator(
                directory, device="cpu", compute_type=precision, inter_threads=1,
                intra_threads=threads)
        self.title = f"CTranslate2 {ctranslate2.__version__}"
        self.vocabulary = shape.vocabulary

    @staticmethod
    def save(shape, directory):
        """Writes a model of random float32 weights through the package itself."""
        import numpy as np  # pylint: disable=import-outside-toplevel
        from ctranslate2.specs import (  # pylint: disable=import-outside-toplevel
            TransformerSpec, common_spec)
        generator = np.random.default_rng(1)
        dim = shape.dim

        def fill_linear(spec, out_dim, in_dim):
            weight = generator.standard_normal((out_dim, in_dim), dtype=np.float32)
            spec.weight = weight / np.float32(math.sqrt(in_dim))
            spec.bias = np.zeros(out_dim, dtype=np.float32)

        def fill_norm(spec):
            spec.gamma = np.ones(dim, dtype=np.float32)
            spec.beta = np.zeros(dim, dtype=np.float32)

        spec = TransformerSpec.from_config(
            (shape.encoder_layers, shape.decoder_layers), shape.heads, pre_norm=True,
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
                fill_linear(layer.self_attention.linear[0], 3 * dim, dim)
                fill_linear(layer.self_attention.linear[1], dim, dim)
                if side is spec.decoder:
                    fill_norm(layer.attention.layer_norm)
                    fill_linear(layer.attention.linear[0], dim, dim)
                    fill_linear(layer.attention.linear[1], 2 * dim, dim)
                    fill_linear(layer.attention.linear[2], dim, dim)
                fill_norm(layer.ffn.layer_norm)
                fill_linear(layer.ffn.linear_0, shape.ffn, dim)
                fill_linear(layer.ffn.linear_1, dim, shape.ffn)
        tokens = ["<unk>", "<s>", "</s>"] + [f"t{i}" for i in range(3, shape.vocabulary)]
        spec.register_source_vocabulary(tokens)
        spec.register_target_vocabulary(tokens)
        spec.config.add_source_eos = True
        spec.config.decoder_start_token = "</s>"
        spec.validate()
        spec.optimize(quantization="float32")
        os.makedirs(directory, exist_ok=True)
        spec.save(directory)

    def prepare(self, lengths, batch_size, generator):
        return [[[f"t{generator.randrange(4, self.vocabulary)}" for _ in range(length)]
                 for length in batch] for batch in batches(lengths, batch_size)]

    def translate(self, batch, beam_size):
        """The number of tokens that came out."""
        length = round(statistics.mean(len(source) for source in batch))
        results = self.translator.translate_batch(
            batch, beam_size=beam_size, max_batch_size=0, length_penalty=0.6,
            min_decoding_length=length, max_decoding_length=length)
        return sum(len(result.hypotheses[0]) for result in results)


class Transformers:
    """Needs the packages transformers and torch. MarianMT is post-norm, which costs the same."""

    def __init__(self, shape, precision, threads):
        os.environ["TRANSFORMERS_VERBOSITY"] = "error"
        import torch  # pylint: disable=import-outside-toplevel
        import transformers  # pylint: disable=import-outside-toplevel
        types = {"float32": torch.float32, "bf16": torch.bfloat16}
        if precision not in types:
            raise ValueError(f"it does not run {precision}, only {' and '.join(types)}")
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        pad = shape.vocabulary - 1
        config = transformers.MarianConfig(
            vocab_size=shape.vocabulary, d_model=shape.dim, max_position_embeddings=256,
            encoder_layers=shape.encoder_layers, decoder_layers=shape.decoder_layers,
            encoder_ffn_dim=shape.ffn, decoder_ffn_dim=shape.ffn,
            encoder_attention_heads=shape.heads, decoder_attention_heads=shape.heads,
            activation_function="relu", scale_embedding=True, bos_token_id=1, eos_token_id=2,
            pad_token_id=pad, decoder_start_token_id=pad, forced_eos_token_id=None)
        self.torch = torch
        self.pad = pad
        self.model = transformers.MarianMTModel(config).to(types[precision]).eval()
        self.title = f"transformers {transformers.__version__}"
        self.vocabulary = shape.vocabulary

    def prepare(self, lengths, batch_size, generator):
        prepared = []
        for batch in batches(lengths, batch_size):
            ids = self.torch.full((len(batch), batch[0] + 1), self.pad)
            for row, length in enumerate(batch):
                for column in range(length):
                    ids[row, column] = generator.randrange(4, self.vocabulary - 1)
                ids[row, length] = 2
            prepared.append((ids, round(statistics.mean(batch))))
        return prepared

    def translate(self, batch, beam_size):
        ids, length = batch
        with self.torch.inference_mode():
            self.model.generate(
                input_ids=ids, attention_mask=(ids != self.pad).long(), num_beams=beam_size,
                do_sample=False, min_new_tokens=length, max_new_tokens=length,
                length_penalty=0.6)
        return len(ids) * length


ENGINES = {"ctranslate2": CTranslate2, "transformers": Transformers}


def measure(engine, lengths, beam_size, batch_size):
    """Translates everything once; the answer to a SpeedRequest."""
    prepared = engine.prepare(lengths, batch_size, random.Random(17))
    tokens = 0
    latencies = []
    begin, cpu_begin = time.perf_counter(), time.process_time()
    sizes = [len(batch) for batch in batches(lengths, batch_size)]
    for batch, size in zip(prepared, sizes):
        start = time.perf_counter()
        tokens += engine.translate(batch, beam_size)
        latencies += [time.perf_counter() - start] * size
    return {"seconds": time.perf_counter() - begin,
            "cpu_seconds": time.process_time() - cpu_begin, "target_tokens": tokens,
            "latencies": latencies,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def parameters(shape):
    """Without norms and biases."""
    attention = 4 * shape.dim ** 2
    ffn = 2 * shape.dim * shape.ffn
    return (2 * shape.vocabulary * shape.dim + shape.encoder_layers * (attention + ffn)
            + shape.decoder_layers * (2 * attention + ffn))


def main():
    name, shape, precision, threads = sys.argv[1:]
    shape = Shape(**json.loads(shape))
    # What the libraries print must not get between the lines.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def say(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        engine = ENGINES[name](shape, precision, int(threads))
        count = parameters(shape)
        say({"format": engine.title, "architecture": json.dumps(asdict(shape)),
             "precision": precision, "parameters": count, "weights_bytes": 0,
             "source_vocab_size": shape.vocabulary, "target_vocab_size": shape.vocabulary,
             "longest": 250, "has_tokenizers": False, "gpu": ""})
        for line in sys.stdin:
            request = json.loads(line)
            say(measure(engine, **request))
    except Exception as error:  # pylint: disable=broad-except
        say({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
