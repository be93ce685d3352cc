"""What each operation of a decode step and of an encoder chunk should take on an
H200, on paper: the tables of docs/gpu.md, and what `bench/gpu --steps` prints
beside the times that it measures.

  python3 bench/gpu_expectations.py           prints the tables
  python3 bench/gpu_expectations.py --check   fails where docs/gpu.md has others

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
# Of kernels::GpuTuning, those of which something can be said on paper, each alone.
# How much earlier a dependent launch begins is what a device has to tell.
CANDIDATES = ("vector-keys", "keys-ahead", "split-top-k", "tiles-ahead", "fused-norms",
              "eight-bits")
NONE = frozenset()


class Operation:
    def __init__(self, name, count, rows, launches, moved, flops, waits, rate=PLAIN,
                 extra=0.0):
        self.name, self.count, self.rows = name, count, rows
        self.launches, self.moved, self.flops = launches, moved, flops
        self.terms = {"bytes": moved / BANDWIDTH, "arithmetic": flops / rate,
                      "waits": waits * WAIT}
        self.bound = max(self.terms, key=self.terms.get)
        self.seconds = self.terms[self.bound] + launches * START + extra


def linear(name, count, rows, out_dim, in_dim, library=False, normed=False,
           tuning=NONE):
    """Few rows: a warp reads a quarter of the inputs in tiles of 32, each a wait
    for weights that come from memory and not ahead. Many: tiles of 32, the next
    one fetched ahead, so that half of the waits show. cuBLASLt hides them all.
    normed: the product behind a norm, which may be taken on its way."""
    in_bytes = "eight-bits" in tuning
    element = 1 if in_bytes else HALF
    moved = element * out_dim * in_dim + FLOAT * rows * (out_dim + in_dim)
    packed = moved + 2 * element * rows * in_dim  # inputs, rounded apart
    flops = 2.0 * rows * out_dim * in_dim
    if library:
        # In 8 bits the sums are written, read and scaled apart.
        sums = 2 * FLOAT * rows * out_dim if in_bytes else 0
        return Operation(name, count, rows, 3 if in_bytes else 2, packed + sums, flops,
                         3, TENSOR * (1.2 if in_bytes else 0.6))
    tiles = in_dim // 32
    fused = 3 if normed and "fused-norms" in tuning else 0  # waits for the row
    if in_bytes:  # one tile ahead; inputs are rounded by a kernel of their own
        return Operation(name, count, rows, 2, packed, flops, tiles / 8 + 5 + fused,
                         TENSOR * 0.2)
    if rows <= FEW_ROWS:
        # Each of the blocks of 16 columns reads the inputs of its rows again, from
        # the L2 cache.
        ahead = 4 if "tiles-ahead" in tuning else 1
        return Operation(name, count, rows, 1, moved, flops,
                         tiles / 4 / ahead + 2 + fused, TENSOR * 0.2)
    return Operation(name, count, rows, 2, packed, flops, tiles / 2 + 3 + fused,
                     TENSOR * 0.25)


def attention(name, count, rows, cells, tuning=NONE):
    """A lane reads its key in 64 loads of 2 bytes, of which about 8 are under way
    at once; then the values, cell after cell. As vectors: 4 keys at a time, of
    which about 2 reads are under way. Ahead: the cells' numbers, then all keys and
    values of a tile at once."""
    moved = rows * (cells * 2 * DIM * HALF + 4 * DIM * FLOAT)
    tiles = -(-cells // 32)
    in_tile = min(cells, 32)
    waits = 2 + tiles * (64 / 8 + in_tile / 4)
    if "vector-keys" in tuning:
        waits = 2 + tiles * (in_tile / 4 / 2 + in_tile / 4)
    if "keys-ahead" in tuning:
        waits = 2 + 1 + tiles
    return Operation(name, count, rows, 1, moved, 4.0 * rows * cells * DIM, waits)


def elementwise(name, count, rows, values, waits):
    return Operation(name, count, rows, 1, rows * values * FLOAT, 10.0 * rows * values,
                     waits)


def top_k(rows, tuning=NONE, best=8):
    """A block of 256 threads a row reads 32000 logits in three passes, 125 loads a
    thread each, of which about 8 are under way; then `best` rounds of 2 barriers.
    Split: 16 blocks a row, then a merge of `best` rounds. Outside of the graph, with
    its copy to the host in step_bench."""
    moved = rows * VOCABULARY * FLOAT * 3
    flops = 20.0 * rows * VOCABULARY
    if "split-top-k" in tuning:
        return Operation("top-k", 1, rows, 2, moved, flops,
                         3 * 125 / 8 / 16 + 3 + 2 * best, extra=LAUNCH + COPY)
    return Operation("top-k", 1, rows, 1, moved, flops, 3 * 125 / 8 + best,
                     extra=LAUNCH + COPY)


def decode_step(rows, tuning=NONE):
    def product(name, count, out_dim, in_dim, **options):
        return linear(name, count, rows, out_dim, in_dim, tuning=tuning, **options)

    norms = 1 if "fused-norms" in tuning else 3 * LAYERS + 1
    return [
        elementwise("embed", 1, rows, 2.5 * DIM, 2),
        elementwise("norm", norms, rows, 2 * DIM, 4),
        product("qkv", LAYERS, 3 * DIM, DIM, normed=True),
        attention("self attention", LAYERS, rows, TARGET, tuning),
        product("query", LAYERS, DIM, DIM, normed=True),
        product("512 x 512", 2 * LAYERS, DIM, DIM),
        attention("cross attention", LAYERS, rows, SOURCE, tuning),
        product("ffn in", LAYERS, INNER, DIM, normed=True),
        product("ffn out", LAYERS, DIM, INNER),
        product("output", 1, VOCABULARY, DIM, library=True),
        top_k(rows, tuning),
    ]


def encoder_chunk(tokens, tuning=NONE):
    def product(name, out_dim, in_dim):
        return linear(name, LAYERS, tokens, out_dim, in_dim, library=True,
                      tuning=tuning)

    # Fused, a norm is where inputs are rounded, which cuBLASLt needs either way.
    norms = 1 if "fused-norms" in tuning else 2 * LAYERS + 1
    return [
        elementwise("encoder norm", norms, tokens, 2 * DIM, 4),
        product("encoder qkv", 3 * DIM, DIM),
        Operation("encoder attention", LAYERS, tokens, 1, tokens * 4 * DIM * FLOAT,
                  4.0 * tokens * SOURCE * DIM, 6, PLAIN * 0.3),
        product("encoder 512 x 512", DIM, DIM),
        product("encoder ffn in", INNER, DIM),
        product("encoder ffn out", DIM, INNER),
    ]


def groups(tuning=NONE):
    """Of operations, with their titles."""
    return [(f"a step of {rows}", decode_step(rows, tuning)) for rows in ROWS] + \
        [(f"a chunk of {CHUNK}", encoder_chunk(CHUNK, tuning))]


def candidates():
    """Lines of Markdown: what each candidate alone should make of each group."""
    titles = [title for title, _ in groups()]
    lines = ["| us | " + " | ".join(titles) + " |", "|---|" + "---|" * len(titles)]
    for name in ("",) + CANDIDATES:
        sums = [sum(o.count * o.seconds for o in operations)
                for _, operations in groups(frozenset({name}))]
        lines.append(f"| {f'`{name}`' if name else 'none'} | " +
                     " | ".join(f"{seconds * 1e6:,.0f}" for seconds in sums) + " |")
    return lines


def table(measured=None, tuning=NONE):
    """Lines of Markdown; with times by operation and rows, these beside."""
    head = "| rows | operation | a step | launches | KB | bound by | expected, us |"
    rule = "|---|---|---|---|---|---|---|"
    lines = [head + (" measured, us | x |" if measured is not None else ""),
             rule + ("---|---|" if measured is not None else "")]
    for title, operations in groups(tuning):
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
    lines = "\n".join(table() + [""] + candidates())
    if "--check" not in sys.argv:
        print(lines)
        return 0
    text = DOCUMENT.read_text()
    if text.split(BEGIN)[1].split(END)[0].strip() == lines:
        return 0
    print(f"{DOCUMENT.name}: the tables are not what bench/gpu_expectations.py prints")
    return 1


if __name__ == "__main__":
    sys.exit(main())
