"""`peregrine compare` as a program: what it prints, what it writes, what it
refuses. Small models and little time: what it measures is not looked at."""

import json
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import harness


def golden(name):
    return os.path.join(harness.SOURCE_DIR, "tests", "golden", name)


def find_peer_python():
    """A Python that has a peer, or None."""
    for python in (os.environ.get("PEREGRINE_PEER_PYTHON"),
                   os.path.join(harness.SOURCE_DIR, ".cache", "bench-venv",
                                "bin", "python")):
        if python and os.path.exists(python):
            return python
    return None


PEER_PYTHON = find_peer_python()


def compare(*flags):
    return subprocess.run(
        [os.path.join(harness.BIN, "peregrine"), "compare", *flags],
        capture_output=True, encoding="utf-8", timeout=300, check=False)


class CompareTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="peregrine-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def read(self, *names):
        with open(os.path.join(self.folder, *names), encoding="utf-8") as file:
            return file.read()

    def test_writes_tables_figures_and_plots(self):
        source = self.write("source", "Good morning!\nThe children are playing.\n")
        reference = self.write("reference", "Guten Morgen!\nDie Kinder spielen.\n")
        out = os.path.join(self.folder, "new", "out")
        run = compare(
            f"--model={golden('mini-decoder')}", f"--model={harness.MODEL_DIR}",
            "--precision=float32,int8", "--beam-size=2,1", "--batch-size=4",
            "--minutes=0.05", f"--source={source}", f"--reference={reference}",
            f"--out={out}")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("cpu, float32, beam 2, batch 4\n", run.stdout)
        self.assertIn("cpu, int8, beam 1, batch 4\n", run.stdout)
        self.assertIn("round 1 is done", run.stderr)

        result = json.loads(self.read(out, "compare.json"))
        self.assertEqual(result["baseline"], "mini-decoder")
        self.assertEqual(
            [(model["model"], model["precision"]) for model in result["models"]],
            [("mini-decoder", "float32"), ("en-de-mdn", "float32"),
             ("mini-decoder", "int8"), ("en-de-mdn", "int8")])
        for model in result["models"]:
            self.assertEqual(len(model["settings"]), 4)
            for setting in model["settings"]:
                rounds = setting["tokens_per_second"]
                self.assertEqual(len(rounds), result["rounds"])
                self.assertTrue(all(speed > 0 for speed in rounds))
                self.assertGreater(setting["latency_seconds"]["p99"], 0)
                self.assertGreater(setting["peak_bytes"], 1e6)
                self.assertEqual(setting["bleu"] is not None,
                                 model["model"] == "en-de-mdn")

        page = self.read(out, "compare.md")
        self.assertIn("## cpu, int8, beam 2, batch 4\n| model |", page)
        for plot in ("speed-up.svg", "quality.svg"):
            self.assertIn(f"]({plot})", page)
            root = xml.etree.ElementTree.fromstring(self.read(out, plot))
            texts = [element.text for element in root.iter() if element.text]
            self.assertIn("en-de-mdn", texts)

    def test_a_shape_of_the_paper_in_full_size(self):
        run = compare("--shape=mdn-6-1", "--precision=int8", "--beam-size=1",
                      "--batch-size=4", "--minutes=0.1", "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        (model,) = json.loads(run.stdout)["models"]
        self.assertEqual(model["target_vocab_size"], 10000)
        self.assertGreater(model["parameters"], 25e6)

    @unittest.skipUnless(
        PEER_PYTHON, "no Python with ctranslate2 or transformers: name one in "
        "PEREGRINE_PEER_PYTHON, or run bench/compare-ctranslate2")
    def test_beside_peers(self):
        run = compare("--shape=base-10k,mdn-6-1", "--beam-size=1",
                      "--batch-size=4", "--minutes=0.1", "--json",
                      "--precision=float32", f"--peer-python={PEER_PYTHON}")
        self.assertEqual(run.returncode, 0, run.stderr)
        result = json.loads(run.stdout)
        own, peers = result["models"][:2], result["models"][2:]
        self.assertEqual([model["engine"] for model in own], ["peregrine"] * 2)
        self.assertTrue(peers)
        for peer in peers:
            self.assertRegex(peer["engine"],
                             r"^(CTranslate2|Marian|ONNX Runtime|OpenVINO|"
                             r"transformers) \d+\.")
            # It cannot run the other.
            self.assertEqual(peer["model"], "base-10k")
            self.assertEqual(peer["multiply_adds"], own[0]["multiply_adds"])
            for setting in peer["settings"]:
                self.assertEqual(len(setting["tokens_per_second"]),
                                 result["rounds"])
                self.assertGreater(setting["speed_up"]["median"], 0)
                self.assertGreater(setting["latency_seconds"]["p50"], 0)
        left_out = [note for note in result["notes"] if "is left out" in note]
        self.assertEqual(len(peers) + len(left_out), 5)

    def test_what_it_refuses(self):
        model = f"--model={golden('mini-decoder')}"
        one = self.write("one", "a\n")
        two = self.write("two", "a\nb\n")
        latin = self.write("latin", "")
        with open(latin, "wb") as file:
            file.write(b"\xe4\n")
        cases = [
            (1, ["--shape=huge"], 'found "huge", expected ladder, all'),
            (1, ["--shape=none"], "found no model to compare"),
            (1, [model, "--baseline=x"], 'found "x", expected one of mini-decoder'),
            (1, [model, "--precision=int3"], "int3"),
            (1, [model, "--device=abacus"], "abacus"),
            (1, [f"--model={self.folder}"], "config.json: no such file"),
            (1, [model, f"--source={one}", f"--reference={two}"],
             "found 2 lines, expected 1"),
            (1, [model, f"--source={latin}", f"--reference={one}"],
             "latin:1: not UTF-8 at byte 0"),
            (1, ["--shape=mdn", f"--source={one}", f"--reference={one}"],
             "expected --model"),
            (1, [model, f"--out={one}/out"], "--out: "),
            (1, [model, "--peer-python=/no/such/python"], "none of the peers can run"),
            (2, [model, f"--source={one}"], "--reference"),
            (2, ["--model=/no/such/folder"], "/no/such/folder"),
            (2, [model, "--beam-size=0"], "--beam-size"),
            (2, [model, "--gpu-memory-mib=1"], "--gpu-memory-mib"),
        ]
        for code, flags, words in cases:
            with self.subTest(flags=flags):
                run = compare("--minutes=0.01", *flags)
                self.assertEqual(run.returncode, code, run.stdout + run.stderr)
                self.assertIn(words, run.stderr)


if __name__ == "__main__":
    unittest.main()
