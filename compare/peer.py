"""Another engine in a comparison: CTranslate2, Marian, ONNX Runtime, OpenVINO, transformers.

    python peer.py NAME SHAPE PRECISION THREADS

Makes a Transformer of SHAPE, a JSON object, with random weights, says in a line of JSON
what it holds, and answers each line of requests with one: the far end of a ModelProcess,
see messages.h. An engine that cannot run it answers with {"error": ...} and ends.
"""

import functools
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
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


def in_child(function, *arguments):
    """What `function` returns, which runs in a process of its own: a library that is loaded
    there is not loaded here."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read)
            with os.fdopen(write, "w", encoding="utf-8") as pipe:
                json.dump(function(*arguments), pipe)
            status = 0
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
        finally:
            os._exit(status)  # pylint: disable=protected-access
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise RuntimeError(f"{function.__name__} failed")
    return json.loads(answer)


class CTranslate2:
    """Needs the packages ctranslate2 and numpy. It multiplies by MKL or by oneDNN, and takes
    the one that is faster here, whatever it would take by itself."""

    def __init__(self, shape, precision, threads, directory=None):
        with tempfile.TemporaryDirectory() as folder:
            directory = directory or folder
            if not os.path.exists(os.path.join(directory, "model.bin")):
                in_child(self.save, shape, directory)
            backend = self.choose_backend(directory, precision, threads)
            self.translator = self.open(directory, precision, threads)
        import ctranslate2  # pylint: disable=import-outside-toplevel
        self.title = f"CTranslate2 {ctranslate2.__version__} ({backend})"
        self.vocabulary = shape.vocabulary

    @staticmethod
    def open(directory, precision, threads):
        import ctranslate2  # pylint: disable=import-outside-toplevel
        return ctranslate2.Translator(directory, device="cpu", compute_type=precision,
                                      inter_threads=1, intra_threads=threads)

    @classmethod
    def choose_backend(cls, directory, precision, threads):
        """Sets CT2_USE_MKL to what is faster, unless it is set, before the library is loaded;
        says which one it is."""
        if "CT2_USE_MKL" not in os.environ:
            seconds = {mkl: in_child(cls.time_backend, directory, precision, threads, mkl)
                       for mkl in ("0", "1")}
            os.environ["CT2_USE_MKL"] = min(seconds, key=seconds.get)
        return f"CT2_USE_MKL={os.environ['CT2_USE_MKL']}: " + (
            "MKL" if os.environ["CT2_USE_MKL"] == "1" else "oneDNN")

    @classmethod
    def time_backend(cls, directory, precision, threads, mkl):
        os.environ["CT2_USE_MKL"] = mkl
        translator = cls.open(directory, precision, threads)
        # Of whatever vocabulary: unknown tokens take as long.
        batch = [["a"] * 24] * 16
        times = []
        for _ in range(3):
            start = time.process_time()
            translator.translate_batch(batch, beam_size=1, max_batch_size=0,
                                       min_decoding_length=24, max_decoding_length=24)
            times.append(time.process_time() - start)
        return min(times)

    @staticmethod
    def save(shape, directory, change=None, quantization="float32"):
        """Writes a model of random weights through the package itself, once `change` has
        changed its specification."""
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
        if change is not None:
            change(spec)
        spec.validate()
        spec.optimize(quantization=quantization)
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


class OnnxRuntime(Transformers):
    """Needs the packages optimum-onnx and onnxruntime; int8 quantises activations as they
    come."""

    def __init__(self, shape, precision, threads):
        if precision not in ("float32", "int8"):
            raise ValueError(f"it does not run {precision}, only float32 and int8")
        import onnxruntime  # pylint: disable=import-outside-toplevel
        from onnxruntime import quantization  # pylint: disable=import-outside-toplevel
        from optimum import onnxruntime as optimum  # pylint: disable=import-outside-toplevel
        super().__init__(shape, "float32", threads)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        load = functools.partial(optimum.ORTModelForSeq2SeqLM.from_pretrained,
                                 session_options=options)
        with tempfile.TemporaryDirectory() as folder:
            self.model.save_pretrained(os.path.join(folder, "torch"))
            model = load(os.path.join(folder, "torch"), export=True)
            if precision == "int8":
                graphs = os.path.join(folder, "onnx")
                model.save_pretrained(graphs)
                for name in os.listdir(graphs):
                    if name.endswith(".onnx"):
                        path = os.path.join(graphs, name)
                        quantization.quantize_dynamic(path, path + ".int8")
                        os.replace(path + ".int8", path)
                model = load(graphs)
        self.model = model
        self.title = f"ONNX Runtime {onnxruntime.__version__}"


class OpenVino(Transformers):
    """Needs the packages optimum-intel and openvino (with nncf for int8, which is of
    weights)."""

    def __init__(self, shape, precision, threads):
        hints = {"float32": "f32", "bf16": "bf16", "int8": "f32"}
        import openvino  # pylint: disable=import-outside-toplevel
        from optimum import intel  # pylint: disable=import-outside-toplevel
        super().__init__(shape, "float32", threads)
        with tempfile.TemporaryDirectory() as folder:
            self.model.save_pretrained(folder)
            self.model = intel.OVModelForSeq2SeqLM.from_pretrained(
                folder, export=True, load_in_8bit=precision == "int8", ov_config={
                    "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": "1",
                    "INFERENCE_PRECISION_HINT": hints[precision]})
        self.title = f"OpenVINO {openvino.__version__.split('-')[0]}"


class Marian:
    """Needs the packages pymarian and numpy: Marian itself, int8 by intgemm. Its limit of
    lengths is that of a batch, relative to its longest source, so that the sources of a
    batch are all as long as their mean; and its models can be told never to end before."""

    def __init__(self, shape, precision, threads):
        import pymarian  # pylint: disable=import-outside-toplevel
        if precision not in ("float32", "int8"):
            raise ValueError(f"it does not run {precision}, only float32 and int8")
        self.folder = tempfile.TemporaryDirectory()
        self.vocabulary = shape.vocabulary
        self.threads = threads
        self.model = self.make(shape, precision)
        self.translators = {}
        self.make_translator = pymarian.Translator
        self.title = f"Marian {pymarian.__version__}"

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run(self, command, *arguments):
        done = subprocess.run([sys.executable, "-m", "pymarian", command, *arguments],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"pymarian {command}: {done.stderr[-500:]}")

    def make(self, shape, precision):
        """A model as training makes it before its first step."""
        import numpy as np  # pylint: disable=import-outside-toplevel
        pieces = ["</s>", "<unk>"] + [f"t{number}" for number in range(2, shape.vocabulary)]
        for name, lines in (("vocabulary.txt", pieces), ("text", ["t2 t3"])):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in lines))
        self.run("train", "--model", self.path("model.npz"), "--type", "transformer",
                 "--train-sets", self.path("text"), self.path("text"), "--vocabs",
                 self.path("vocabulary.txt"), self.path("vocabulary.txt"), "--tied-embeddings-all",
                 "--dim-vocabs", str(shape.vocabulary), str(shape.vocabulary),
                 "--dim-emb", str(shape.dim), "--enc-depth", str(shape.encoder_layers),
                 "--dec-depth", str(shape.decoder_layers), "--transformer-heads",
                 str(shape.heads), "--transformer-dim-ffn", str(shape.ffn),
                 "--transformer-ffn-activation", "relu", "--optimizer", "sgd",
                 "--learn-rate", "1e-9", "--after", "1u", "--cpu-threads", "1", "--workspace",
                 "500", "--seed", "1", "--log-level", "err")
        arrays = dict(np.load(self.path("model.npz")))
        arrays["decoder_ff_logit_out_b"][0, 0] = -1e4  # the end
        np.savez(self.path("model.npz"), **arrays)
        if precision == "float32":
            return self.path("model.npz")
        self.run("convert", "--from", self.path("model.npz"), "--to", self.path("model.bin"),
                 "--gemm-type", "intgemm8")
        return self.path("model.bin")

    def prepare(self, lengths, batch_size, generator):
        prepared = []
        for batch in batches(lengths, batch_size):
            length = round(statistics.mean(batch))
            prepared.append([" ".join(f"t{generator.randrange(2, self.vocabulary)}"
                                      for _ in range(length)) for _ in batch])
        return prepared

    def translate(self, batch, beam_size):
        if beam_size not in self.translators:
            self.translators[beam_size] = self.make_translator(
                models=[self.model], vocabs=[self.path("vocabulary.txt")] * 2,
                beam_size=beam_size, normalize=0.6, mini_batch=4096, maxi_batch=1,
                max_length_factor=1.0, cpu_threads=self.threads, workspace=500, quiet=True,
                log_level="err")
        return sum(len(line.split()) for line in self.translators[beam_size].translate(batch))


ENGINES = {"ctranslate2": CTranslate2, "marian": Marian, "onnxruntime": OnnxRuntime,
           "openvino": OpenVino, "transformers": Transformers}


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
