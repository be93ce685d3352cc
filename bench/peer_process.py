"""CTranslate2 as a process that speaks as engine_bench does.

For every line on standard input it decodes the whole workload once and answers with one
line of JSON. So its peak memory is its own. The engine is that of `peregrine compare`.
"""

import argparse
import json
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "compare"))
import peer  # noqa: E402  pylint: disable=wrong-import-position

# The peer has no Mini-Decoder (one head of 64 at width 512, no ffn, factorised
# output), so that model runs without it.
PEER_SHAPES = {"base-32k": peer.Shape(6, 6, 32000), "deep-12-1": peer.Shape(12, 1, 10000)}


def save_peer_model(name, directory):
    """Writes random weights in one of PEER_SHAPES."""
    peer.CTranslate2.save(PEER_SHAPES[name], directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--model", required=True, choices=sorted(PEER_SHAPES))
    parser.add_argument("--directory", required=True, help="a folder of save_peer_model")
    parser.add_argument("--lengths", required=True, help="file: a source length a line")
    parser.add_argument("--beam-size", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--precision", default="float32")
    args = parser.parse_args()
    with open(args.lengths, encoding="utf-8") as file:
        lengths = [int(line) for line in file]
    engine = peer.CTranslate2(PEER_SHAPES[args.model], args.precision, threads=1,
                              directory=args.directory)
    for _ in sys.stdin:
        result = peer.measure(engine, lengths, args.beam_size, args.batch_size)
        result |= {"latency_p50": statistics.median(result.pop("latencies")),
                   "max_rss_bytes": result.pop("peak_bytes"), "engine": engine.title}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
