"""What each operation of a decode step and of an encoder chunk should take on an
H200, on paper: the table of docs/gpu.md, and what `bench/gpu --steps` prints
beside the times that it measures.

  python3 bench/gpu_expectations.py           prints the table
  python3 bench/gpu_expectations.py --check   fails where docs/gpu.md has another

Base 6-6/32K in fp16: width 512, 8 heads of 64, feed-forward 2048, sentences of 27
tokens, half of the target there. An operation takes the longest of three times:
its bytes at 4.8 TB/s, its arithmetic at 790 TFLOP/s (tensor cores) or 30 (the
rest), and the chain of its waits for memory, 0.6 us each. A kernel in a graph
starts 1.2 us after the one before; the sum is what is expected.
"""

import pathlib
import sys

BANDWIDTH = 4.8e12
TENSOR = 790e12
PLAIN = 30e12
START = 1.2e-6       # of a kernel in a graph
WAIT = 0.6e-6        # for memory, where nothing else is to be done meanwhile
LAUNCH = 3e-6        # of a kernel outside of a graph
COPY = 8e-6          # of a few bytes to the host, and waking who waits for them
DIM, INNER, VOCABULARY, LAYERS = 512, 2048, 32000, 6
SOURCE, TARGET = 27, 14
FEW_ROWS = 128       # up to here one kernel multiplies, and rounds on the way
ROWS = (1, 64, 512)
CHUNK = 4096
FLOAT, HALF = 4, 2
DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs/gpu.md"
BEGIN, END = "<!-- gpu_expectations.py -->", "<!-- end -->"


class Operation:
    def __init__(self, name, count, rows, launches, moved, flops, waits, rate=PLAIN,
                 extra=0.0):
        self.name, self.count, self.rows = name, count, rows
        self.launches, self.moved, self.flops = launches, moved, flops
        self.terms = {"bytes": moved / BANDWIDTH, "arithmetic": flops / rate,
                      "waits": waits * WAIT}
        self.bound = max(self.terms, key=self.terms.get)
        self.seconds = self.terms[self.bound] + launches * START + extra


def linear(name, count, rows, out_dim, in_dim, library=False):
    """Few rows: a warp reads a quarter of the inputs in tiles of 32, each a wait
    for weights that come from memory and not ahead. Many: tiles of 32, the next
    one fetched ahead, so that half of the waits show. cuBLASLt hides them all."""
    moved = HALF * out_dim * in_dim + FLOAT * rows * (out_dim + in_dim)
    flops = 2.0 * rows * out_dim * in_dim
    if library:
        return Operation(name, count, rows, 2, moved + 2 * HALF * rows * in_dim, flops,
                         3, TENSOR * 0.6)
    tiles = in_dim // 32
    if rows <= FEW_ROWS:
        # Each of the blocks of 16 columns reads the inputs of its rows again, from
        # the L2 cache.
        return Operation(name, count, rows, 1, moved, flops, tiles / 4 + 2,
                         TENSOR * 0.2)
    return Operation(name, count, rows, 2, moved + 2 * HALF * rows * in_dim, flops,
                     tiles / 2 + 3, TENSOR * 0.25)


def attention(name, count, rows, cells):
    """A lane reads its key in 64 loads of 2 bytes, of which about 8 are under way
    at once; then the values, cell after cell."""
    moved = rows * (cells * 2 * DIM * HALF + 4 * DIM * FLOAT)
    tiles = -(-cells // 32)
    return Operation(name, count, rows, 1, moved, 4.0 * rows * cells * DIM,
                     2 + tiles * (64 / 8 + min(cells, 32) / 4))


def elementwise(name, count, rows, values, waits):
    return Operation(name, count, rows, 1, rows * values * FLOAT, 10.0 * rows * values,
                     waits)


def top_k(rows, best=8):
    """A block of 256 threads a row reads 32000 logits in three passes, 125 loads a
    thread each, of which about 8 are under way; then `best` rounds of 2 barriers.
    Outside of the graph, with its copy to the host in step_bench."""
    moved = rows * VOCABULARY * FLOAT * 3
    return Operation("top-k", 1, rows, 1, moved, 20.0 * rows * VOCABULARY,
                     3 * 125 / 8 + best, extra=LAUNCH + COPY)


def decode_step(rows):
    return [
        elementwise("embed", 1, rows, 2.5 * DIM, 2),
        elementwise("norm", 3 * LAYERS + 1, rows, 2 * DIM, 4),
        linear("qkv", LAYERS, rows, 3 * DIM, DIM),
        attention("self attention", LAYERS, rows, TARGET),
        linear("512 x 512", 3 * LAYERS, rows, DIM, DIM),
        attention("cross attention", LAYERS, rows, SOURCE),
        linear("ffn in", LAYERS, rows, INNER, DIM),
        linear("ffn out", LAYERS, rows, DIM, INNER),
        linear("output", 1, rows, VOCABULARY, DIM, library=True),
        top_k(rows),
    ]


def encoder_chunk(tokens):
    return [
        elementwise("encoder norm", 2 * LAYERS + 1, tokens, 2 * DIM, 4),
        linear("encoder qkv", LAYERS, tokens, 3 * DIM, DIM, library=True),
        Operation("encoder attention", LAYERS, tokens, 1, tokens * 4 * DIM * FLOAT,
                  4.0 * tokens * SOURCE * DIM, 6, PLAIN * 0.3),
        linear("encoder 512 x 512", LAYERS, tokens, DIM, DIM, library=True),
        linear("encoder ffn in", LAYERS, tokens, INNER, DIM, library=True),
        linear("encoder ffn out", LAYERS, tokens, DIM, INNER, library=True),
    ]


def all_operations():
    return [operation for rows in ROWS for operation in decode_step(rows)] + \
        encoder_chunk(CHUNK)


def expected():
    """Seconds by operation and rows."""
    return {(o.name, o.rows): o.seconds for o in all_operations()}


def table(measured=None):
    """Lines of Markdown; with times by operation and rows, these beside."""
    head = "| rows | operation | a step | launches | KB | bound by | expected, us |"
    rule = "|---|---|---|---|---|---|---|"
    lines = [head + (" measured, us | x |" if measured is not None else ""),
             rule + ("---|---|" if measured is not None else "")]
    groups = [(f"a step of {rows}", decode_step(rows)) for rows in ROWS]
    groups.append((f"a chunk of {CHUNK}", encoder_chunk(CHUNK)))
    for title, operations in groups:
        # A rehearsal measures some only.
        if measured and not any((o.name, o.rows) in measured for o in operations):
            continue
        sums = [0.0, 0.0]
        launches = 0
        for o in operations:
            sums[0] += o.count * o.seconds
            launches += o.count * o.launches
            line = (f"| {o.rows} | {o.name} | {o.count} | {o.launches} | "
                    f"{o.moved / 1e3:,.0f} | {o.bound} | {o.seconds * 1e6:.1f} |")
            if measured is not None:
                seconds = measured.get((o.name, o.rows))
                sums[1] += o.count * seconds if seconds else float("nan")
                line += (f" {seconds * 1e6:.1f} | {seconds / o.seconds:.1f} |"
                         if seconds else " - | - |")
            lines.append(line)
        total = (f"| **{title}** | all | | {launches} | | | **{sums[0] * 1e6:,.0f}** |")
        if measured is not None:
            total += f" **{sums[1] * 1e6:,.0f}** | {sums[1] / sums[0]:.1f} |"
        lines.append(total)
    return lines


def main():
    lines = "\n".join(table())
    if "--check" not in sys.argv:
        print(lines)
        return 0
    text = DOCUMENT.read_text()
    if text.split(BEGIN)[1].split(END)[0].strip() == lines:
        return 0
    print(f"{DOCUMENT.name}: the table is not what bench/gpu_expectations.py prints")
    return 1


if __name__ == "__main__":
    sys.exit(main())
