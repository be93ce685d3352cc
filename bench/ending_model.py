"""A Transformer-base of random weights whose translations end by themselves, for servers that
let no caller say how long they are to be: LibreTranslate.

Its sublayers add next to nothing to what they are given, though they cost as much as any. So the
decoder's last state is the last token and its position, and the output of the end is made to see
the position alone: a sum of sines less the cosines of the same frequencies, which is below zero
before LENGTH tokens, and above it afterwards.
"""

import json
import math
import pathlib
import shutil
import sys

import numpy as np

from serving_peer import SHAPE, peer, write_vocabulary

LENGTH = 24      # tokens of every translation
END = 2          # </s>
FREQUENCIES = 60  # around the one whose sine and cosine are equal there
STEEP = 400.0


def end_after(length, dim):
    """The weights of the end, [dim], and which of them see the position."""
    half = dim // 2
    frequencies = np.exp(-np.arange(half) * math.log(10000) / (half - 1))
    # Positions count from 1: the end comes at that after the last token's.
    turning = math.pi / 4 / (length + 0.5)
    nearest = int(np.argmin(np.abs(np.log(frequencies / turning))))
    sines = np.arange(nearest - FREQUENCIES // 2, nearest + FREQUENCIES // 2)
    angles = frequencies * (length + 0.5)
    # The last norm takes the mean of all away.
    sine, cosine = np.sin(angles), np.cos(angles)
    mean = (sine.sum() + cosine.sum()) / dim
    share = (sine[sines] - mean).sum() / (cosine[sines] - mean).sum()
    weights = np.zeros(dim, dtype=np.float32)
    weights[sines] = 1.0
    weights[sines + half] = -share
    return weights * (STEEP / np.linalg.norm(weights)), np.concatenate([sines, sines + half])


def change(spec):
    dim = spec.decoder.embeddings.weight.shape[1]
    weights, seen = end_after(LENGTH, dim)
    for table in (spec.decoder.embeddings.weight, spec.decoder.projection.weight):
        table[:, seen] = 0.0
    spec.decoder.projection.weight[END] = weights
    for layer in spec.decoder.layer:
        for linear in (layer.self_attention.linear[-1], layer.attention.linear[-1],
                       layer.ffn.linear_1):
            linear.weight *= np.float32(1e-4)


def save(directory, pieces, pairs):
    """Packages of Argos Translate under `directory`, one for each of `pairs`."""
    for source, target in pairs:
        package = pathlib.Path(directory, f"{source}_{target}")
        if (package / "metadata.json").exists():
            continue
        peer.CTranslate2.save(SHAPE, str(package / "model"), change, "int8")
        write_vocabulary(package / "model", pieces)
        shutil.copyfile(pieces, package / "sentencepiece.model")
        write_sentence_ends(package / "minisbd")
        (package / "README.md").write_text("# Random weights\n", "utf-8")
        (package / "metadata.json").write_text(json.dumps({
            "package_version": "1.0", "argos_version": "1.10", "from_code": source,
            "from_name": source, "to_code": target, "to_name": target}), "utf-8")


def write_sentence_ends(directory):
    """In place of a model that is fetched from the network: every full stop ends a sentence,
    which costs LibreTranslate less than its own."""
    import onnx  # pylint: disable=import-outside-toplevel
    from onnx import TensorProto, helper  # pylint: disable=import-outside-toplevel
    units = {unit: number for number, unit in enumerate(["<PAD>", "<UNK>", "<EMPTY>", "<ROOT>",
                                                         "."])}
    classes = np.zeros((len(units), 5), dtype=np.float32)
    classes[:, 0] = 1.0  # inside of a token
    classes[units["."]] = [0, 0, 1, 0, 0]  # the end of a sentence
    table = helper.make_tensor("classes", TensorProto.FLOAT, classes.shape, classes.ravel())
    graph = helper.make_graph(
        [helper.make_node("Gather", ["classes", "units"], ["scores"])], "ends",
        [helper.make_tensor_value_info("units", TensorProto.INT64, ["batch", "length"]),
         helper.make_tensor_value_info("features", TensorProto.FLOAT,
                                       ["batch", "length", "features"])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "length", 5])],
        [table])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    facts = {"lang_code": "en", "config": json.dumps({"max_seqlen": 1000, "batch_size": 1}),
             "vocab": json.dumps({"lang": "", "idx": 0, "cutoff": 0, "lower": False,
                                  "_unit2id": units, "_id2unit": list(units)})}
    for key, value in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(directory / "ends.onnx"))


def main():
    save(sys.argv[1], sys.argv[2], [("en", "de"), ("de", "en")])


if __name__ == "__main__":
    main()
