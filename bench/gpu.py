"""Checks and times the engine on cuda:0 beside PyTorch and transformers.

Started by bench/gpu. Random weights and the same sentences everywhere; every
output is as long as its source. Prints tables in Markdown, and leaves them with
all figures in the folder given by --out.
"""

import argparse
import json
import os
import shutil
import pathlib
import statistics
import subprocess
import sys
import time

import gpu_expectations
import gpu_peers

MEAN_LENGTH = gpu_peers.MEAN_LENGTH
# Of one target token, source and target equally long: multiply-adds of encoder
# with cross-attention's keys and values, and of a decoder step (a hypothesis).
MODELS = {
    "base-32k": {"encoder": 22.0e6, "step": 38.8e6, "decoder_layers": 6, "width": 512},
    "mdn": {"encoder": 69.3e6, "step": 0.87e6, "decoder_layers": 1, "width": 64},
}
RUNS = [("base-32k", 1), ("base-32k", 4), ("mdn", 1), ("mdn", 4)]  # model, beam size
BATCHES = [1, 64, 512]
# What of kernels::GpuTuning is compared with none of it, in which precision; the
# bits are those of none but with vector-keys, split-top-k and in 8 bits.
ALL_TUNING = ("keys-ahead,split-top-k,tiles-ahead,dependent-launch,fused-norms,"
              "one-upload,graphs=256")
CANDIDATES = [("", "fp16")] + [(name, "fp16") for name in (
    "vector-keys", "keys-ahead", "split-top-k", "tiles-ahead", "dependent-launch",
    "fused-norms", "one-upload", "graphs=256", ALL_TUNING)] + [
        ("eight-bits", "int8"), ("eight-bits", "fp8"),
        (f"{ALL_TUNING},eight-bits", "int8"), (f"{ALL_TUNING},eight-bits", "fp8")]
MORE_BATCHES = [128, 256, 1024]  # for the best
CHECKS = {
    "attention_parity_test": "*cuda_0*",
    "bfloat16_parity_test": "*cuda_0*",
    "decoder_state_parity_test": "*cuda_0*",
    "linear_parity_test": "*cuda_0*",
    "norm_embed_parity_test": "*cuda_0*",
    "output_parity_test": "*cuda_0*",
    "beam_queue_test": "*cuda_0*",
    "session_test": "*cuda_0*",
    "golden_test": "*cuda_0*",
}
SANITIZED = [name for name in CHECKS if name.endswith("parity_test")]
REHEARSED_CHECKS = {
    "attention_parity_test": "*SelfAttentionStep/cuda_emulated*",
    "bfloat16_parity_test": "*cuda_emulated*",
    "output_parity_test": "TunedGpus*Invariance*cuda_emulated*",
    "norm_embed_parity_test": "*Norm*cuda_emulated",
    "decoder_state_parity_test": "*AverageStep*cuda_emulated*",
    "beam_queue_test": "*ChoosesAs*cuda_emulated*",
    "session_test": "*RefusesSenseless*",
    "golden_test": "*can_pre_cpu_float32*",
}
ROOT = pathlib.Path(__file__).resolve().parent.parent


def library_folders(binaries):
    """Where our programs find what a bundle holds, then cuBLASLt: in the toolkit
    or beside PyTorch."""
    toolkit = os.environ.get("CUDA_HOME", os.environ.get("CUDA_PATH", "/usr/local/cuda"))
    folders = [binaries.resolve().parent / "lib", pathlib.Path(toolkit) / "lib64"]
    for path in map(pathlib.Path, sys.path):
        folders += sorted({file.parent for file in
                           path.glob("nvidia/*/lib/libcublasLt.so.*")})
    return [folder for folder in folders if folder.is_dir()]


def environment(binaries):
    """For our programs alone: the libraries of a bundle are not PyTorch's."""
    folders = [str(folder) for folder in library_folders(binaries)]
    if os.environ.get("LD_LIBRARY_PATH"):
        folders.append(os.environ["LD_LIBRARY_PATH"])
    return dict(os.environ, PEREGRINE_SOURCE_ROOT=str(ROOT),
                LD_LIBRARY_PATH=":".join(folders))


def check(binaries, out, checks):
    """Runs the tests of the GPU. True if all passed and some ran."""
    passed = True
    for name, tests in checks.items():
        start = time.monotonic()
        with open(out / f"{name}.log", "w") as log:
            result = subprocess.run(
                [binaries / name, f"--gtest_filter={tests}"], stdout=log,
                stderr=subprocess.STDOUT, timeout=200,
                env=environment(binaries))
        text = (out / f"{name}.log").read_text()
        count = text.count("[       OK ]")
        failed = [line for line in text.splitlines()
                  if line.startswith("[  FAILED  ]") and "ms)" in line]
        ok = result.returncode == 0 and count > 0
        passed = passed and ok
        print(f"- {name}: {'ok' if ok else 'FAILED'}, {count} passed, "
              f"{len(failed)} failed, {text.count('[  SKIPPED ]')} skipped, "
              f"{time.monotonic() - start:.0f} s", flush=True)
        for line in failed[:10]:
            print(f"    {line}")
    return passed


def tuned(names):
    return [f"--tuning={names}"] if names else []


def steps(binaries, out, tuning="", precision="fp16", arguments=()):
    """Each operation of a decode step and an encoder chunk, beside what is expected
    of it."""
    if precision in ("int8", "fp8"):
        tuning = ",".join(filter(None, (tuning, "eight-bits")))
    arguments = [*tuned(tuning), f"--precision={precision}", *arguments]
    result = subprocess.run([binaries / "step_bench", *arguments], text=True,
                            stdout=subprocess.PIPE, env=environment(binaries))
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    (out / "steps.json").write_text(json.dumps(rows, indent=1))
    measured = {(row["operation"], row["rows"]): row["seconds"] for row in rows}
    expected = gpu_expectations.table(measured, frozenset(tuning.split(",")))
    print("\n".join(expected), flush=True)
    if result.returncode != 0:
        sys.exit("bench/gpu: step_bench failed: see its message above")
    return measured


def sanitize(binaries, out):
    """The parity tests under compute-sanitizer. True if it finds nothing."""
    sanitizer = shutil.which("compute-sanitizer") or \
        "/usr/local/cuda/bin/compute-sanitizer"
    if not pathlib.Path(sanitizer).exists():
        sys.exit("bench/gpu: no compute-sanitizer was found on the PATH or in "
                 "/usr/local/cuda/bin")
    clean = True
    for tool in ("memcheck", "racecheck", "synccheck"):
        for name in SANITIZED:
            log = out / f"{tool}-{name}.log"
            with open(log, "w") as file:
                result = subprocess.run(
                    [sanitizer, f"--tool={tool}", "--error-exitcode=99",
                     binaries / name, "--gtest_filter=*cuda_0*"], stdout=file,
                    stderr=subprocess.STDOUT, env=environment(binaries))
            clean = clean and result.returncode == 0
            print(f"- {tool}, {name}: "
                  f"{'clean' if result.returncode == 0 else f'see {log}'}", flush=True)
    return clean


class Engine:
    """engine_bench with one model; decodes its sentences again and again."""

    def __init__(self, binaries, out, model, beam, batch, device="cuda:0",
                 precision="fp16", tuning=""):
        lengths = gpu_peers.sentence_lengths(gpu_peers.sentences_for(batch, beam))
        file = out / f"lengths-{len(lengths)}"
        file.write_text("\n".join(map(str, lengths)))
        self.process = subprocess.Popen(
            [binaries / "engine_bench", f"--model={model}", f"--device={device}",
             f"--precision={precision}", *tuned(tuning), f"--beam-size={beam}",
             f"--batch-size={batch}", f"--lengths={file}",
             f"--min-admission={max(1, batch // 4)}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(binaries))

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("engine_bench ended: see its message above")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def time_engine(binaries, out, model, beam, batch, runs=3, **options):
    engine = Engine(binaries, out, model, beam, batch, **options)
    try:
        engine.run()  # captures the graphs
        results = [engine.run() for _ in range(runs)]
    finally:
        engine.close()
    return statistics.median(r["target_tokens"] / r["seconds"] for r in results), \
        statistics.median(r["latency_p50"] for r in results)


def candidates(binaries, out, names=None, model="base-32k",
               works=((1, 1), (4, 64), (4, 256)), **options):
    """The whole engine with each candidate, beside itself without. `works`: beam and
    batch. True where all ran."""
    titles = [f"beam {beam}, batch {batch} | x" for beam, batch in works]
    print("| candidate | precision | " + " | ".join(titles) + " |\n" +
          "|---|---|" + "---|---|" * len(works), flush=True)
    plain, rows = {}, []
    for name, precision in names or CANDIDATES:
        line = f"| {name or 'none'} | {precision} |"
        for work in works:
            try:
                rate, _ = time_engine(binaries, out, model, *work,
                                      precision=precision, tuning=name, **options)
            except RuntimeError as error:
                line += f" {error} | |"
                continue
            plain.setdefault(work, rate)
            rows.append({"tuning": name, "precision": precision, "beam": work[0],
                         "batch": work[1], "tokens_per_second": rate})
            line += f" {rate:,.0f} | {rate / plain[work]:.2f} |"
        print(line, flush=True)
    (out / "candidates.json").write_text(json.dumps(rows, indent=1))
    return len(rows) == len(names or CANDIDATES) * len(works)


def products(binaries, out, precision):
    """The products of the models' shapes by our kernels and by cuBLASLt: what the
    thresholds of engine/kernels/cuda/library_products.h are set by."""
    process = subprocess.Popen(
        [binaries / "products_bench", f"--precision={precision}"], text=True,
        stdout=subprocess.PIPE, env=environment(binaries))
    print("| product | out x in | rows | own, us | cuBLASLt, us | own / cuBLASLt |\n"
          "|---|---|---|---|---|---|", flush=True)
    rows = []
    for line in process.stdout:
        row = json.loads(line)
        rows.append(row)
        own, library = row["own_seconds"] * 1e6, row["library_seconds"] * 1e6
        print(f"| {row['what']} | {row['out_dim']} x {row['in_dim']} | {row['rows']} | "
              f"{own:.1f} | {library:.1f} | {own / library:.2f} |", flush=True)
    if process.wait() != 0:
        sys.exit("bench/gpu: products_bench failed: see its message above")
    (out / "products.json").write_text(json.dumps(rows, indent=1))


def rehearse(binaries, out):
    """Every program of the bundle once, where there is no GPU: do they start, find
    their files and say what is read here?"""
    print("# Rehearsal, without a GPU\n\n## Checks", flush=True)
    passed = check(binaries, out, REHEARSED_CHECKS)
    print("\n## Engine, float32, CPU\n", flush=True)
    for model, beam in (("mdn", 1), ("mdn", 4)):
        rate, latency = time_engine(binaries, out, model, beam, 1, runs=1,
                                    device="cpu", precision="float32")
        shares(model, beam, 1, rate, (1.0, 1.0))
        print(f"- {model}, beam {beam}, batch 1: {rate:,.0f} tokens/s, p50 "
              f"{latency * 1e3:.1f} ms", flush=True)
    print("\n## Steps, float32, CPU, 1 row and 64 tokens; no matter how long\n")
    measured = steps(binaries, out, precision="float32", arguments=[
        "--device=cpu", "--rows=1", "--chunk-tokens=64"])
    passed = passed and ("top-k", 1) in measured
    print("\n## Candidates, float32, CPU, where they change nothing\n", flush=True)
    passed = candidates(binaries, out, [("", "float32"), (ALL_TUNING, "float32")],
                        "mdn", [(1, 1)], device="cpu", runs=1) and passed
    refused = subprocess.run([binaries / "products_bench"], capture_output=True,
                             text=True, env=environment(binaries))
    print(f"\n## Products\n\n{refused.stderr.strip()}", flush=True)
    return passed and refused.returncode == 1


def measure_roof(torch):
    """The rate of a large matrix product, and the bandwidth of a large copy."""
    def best(function):
        function()
        times = []
        for _ in range(8):
            begin = torch.cuda.Event(enable_timing=True)
            end = torch.cuda.Event(enable_timing=True)
            begin.record()
            function()
            end.record()
            torch.cuda.synchronize()
            times.append(begin.elapsed_time(end) / 1e3)
        return statistics.median(times)

    a = torch.randn(8192, 8192, device="cuda", dtype=torch.float16)
    b = torch.randn(8192, 8192, device="cuda", dtype=torch.float16)
    flops = 2 * 8192**3 / best(lambda: a @ b)
    source = torch.randn(1 << 29, device="cuda")
    target = torch.empty_like(source)
    bandwidth = 2 * 4 * source.numel() / best(lambda: target.copy_(source))
    return flops, bandwidth


def shares(model, beam, batch, tokens_per_second, roof):
    """What part of the roof this is, by arithmetic and by bytes."""
    shape = MODELS[model]
    flops = 2 * (shape["encoder"] + beam * shape["step"])
    # A step reads the decoder once, and of each hypothesis the cells of target
    # (half of them, on average) and source; 2 bytes an element.
    cells = 1.5 * MEAN_LENGTH * shape["decoder_layers"] * 2 * shape["width"]
    step_bytes = 2 * (shape["step"] + batch * beam * cells)
    encoder_bytes = 2 * shape["encoder"] / MEAN_LENGTH
    bytes_per_token = step_bytes / batch + encoder_bytes / batch
    return (tokens_per_second * flops / roof[0],
            tokens_per_second * bytes_per_token / roof[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--products", action="store_true")
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("--steps", action="store_true")
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--candidates", action="store_true")
    parser.add_argument("--tuning", default="")
    parser.add_argument("--precision", default="fp16")
    arguments = parser.parse_args()
    if arguments.rehearse:
        sys.exit(0 if rehearse(arguments.bin, arguments.out) else 1)
    if arguments.products:
        return products(arguments.bin, arguments.out, arguments.precision)
    if arguments.steps:
        steps(arguments.bin, arguments.out, arguments.tuning, arguments.precision)
        return
    if arguments.candidates:
        sys.exit(0 if candidates(arguments.bin, arguments.out) else 1)
    if arguments.sanitize:
        sys.exit(0 if sanitize(arguments.bin, arguments.out) else 1)
    try:
        import torch
    except ImportError:
        sys.exit("bench/gpu: python3 has no PyTorch")
    if not torch.cuda.is_available():
        sys.exit("bench/gpu: no CUDA device")

    print(f"# {torch.cuda.get_device_name(0)}\n\n## Checks", flush=True)
    passed = check(arguments.bin, arguments.out, CHECKS)

    roof = measure_roof(torch)
    torch.cuda.empty_cache()
    print(f"\n## Engine, fp16\nRoof: {roof[0] / 1e12:.0f} TFLOP/s (product of "
          f"8192 x 8192 in fp16), {roof[1] / 1e12:.2f} TB/s (copy of 2 GiB)\n\n"
          "| model | beam | batch | target tokens/s | of the arithmetic | "
          "of the bytes | p50 of a sentence, ms |\n|---|---|---|---|---|---|---|",
          flush=True)
    figures = []
    deadline = time.monotonic() + 180
    for model, beam in RUNS:
        for batch in BATCHES + MORE_BATCHES:
            if time.monotonic() > deadline and batch in MORE_BATCHES:
                continue
            try:
                rate, latency = time_engine(arguments.bin, arguments.out, model,
                                            beam, batch)
            except RuntimeError as error:
                print(f"| {model} | {beam} | {batch} | {error} | | | |", flush=True)
                continue
            arithmetic, moved = shares(model, beam, batch, rate, roof)
            figures.append({"model": model, "beam": beam, "batch": batch,
                            "tokens_per_second": rate, "latency_p50": latency,
                            "arithmetic_share": arithmetic, "bytes_share": moved})
            print(f"| {model} | {beam} | {batch} | {rate:,.0f} | "
                  f"{arithmetic:.1%} | {moved:.1%} | {latency * 1e3:.2f} |",
                  flush=True)

    rates = {(f["model"], f["beam"], f["batch"]): f["tokens_per_second"]
             for f in figures}
    if ("mdn", 4, 64) in rates and ("base-32k", 4, 64) in rates:
        gain = rates["mdn", 4, 64] / rates["base-32k", 4, 64]
        print(f"\nMDN 22-1 against base 6-6, beam 4, batch 64: {gain:.2f}x "
              "(the paper: 2.52x, on its own engine in float32)")

    print("\n## Operations, base 6-6/32K, fp16: expected and measured\n", flush=True)
    steps(arguments.bin, arguments.out)

    print("\n## Peers, base 6-6/32K, fp16\n\n| | batch | target tokens/s |\n"
          "|---|---|---|", flush=True)
    rows = gpu_peers.peers(torch)
    (arguments.out / "figures.json").write_text(json.dumps(
        {"device": torch.cuda.get_device_name(0), "roof": roof,
         "engine": figures, "peers": rows, "checks_passed": passed}, indent=1))
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
