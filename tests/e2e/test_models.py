"""Models and flags that a server must refuse, with a reason that helps."""

import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

import grpc
import harness
from harness import best, pb


class BrokenModelTest(unittest.TestCase):
    """The server must exit with 1 and say which file, what it found there and
    what it expected."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="peregrine-e2e-")
        self.addCleanup(self._folder.cleanup)
        self.model = os.path.join(self._folder.name, "broken")
        shutil.copytree(harness.MODEL_DIR, self.model)

    def path(self, name):
        return os.path.join(self.model, name)

    def assert_refused(self, *expected, models=None, flags=()):
        """The server must exit with 1 and print all of `expected`."""
        run = subprocess.run(
            harness.server_command(*flags, models=models or (self.model,)),
            capture_output=True, timeout=60, check=False)
        output = (run.stdout + run.stderr).decode(errors="replace")
        self.assertEqual(run.returncode, 1, output)
        for words in expected:
            self.assertIn(words, output)

    def read_weights(self):
        with open(self.path("model.safetensors"), "rb") as file:
            (header_bytes,) = struct.unpack("<Q", file.read(8))
            return json.loads(file.read(header_bytes)), file.read()

    def write_weights(self, header, data):
        encoded = json.dumps(header).encode()
        with open(self.path("model.safetensors"), "wb") as file:
            file.write(struct.pack("<Q", len(encoded)) + encoded + data)

    def change_config(self, change):
        with open(self.path("config.json"), encoding="utf-8") as file:
            config = json.load(file)
        change(config)
        with open(self.path("config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)

    def test_the_copy_itself_is_sound(self):
        with harness.Server(models=(self.model,)) as server:
            self.assertNotEqual(best(server.translate("The house.")), "")

    def test_a_precision_that_the_device_lacks(self):
        self.assert_refused(
            "cpu-onednn: found the precision int8, it multiplies in float32 only",
            flags=("--device=cpu-onednn", "--precision=int8"))

    def test_no_such_folder(self):
        self.assert_refused("/nonexistent/model",
                            models=("/nonexistent/model",))

    def test_each_file_missing(self):
        for name in ("config.json", "model.safetensors", "source.spm"):
            with self.subTest(name):
                os.rename(self.path(name), self.path("away"))
                self.assert_refused(self.path(name))
                os.rename(self.path("away"), self.path(name))

    def test_each_file_empty(self):
        for name in ("config.json", "model.safetensors", "source.spm"):
            with self.subTest(name):
                os.rename(self.path(name), self.path("away"))
                open(self.path(name), "wb").close()
                self.assert_refused(self.path(name))
                os.replace(self.path("away"), self.path(name))

    def test_truncated_weights(self):
        size = os.path.getsize(self.path("model.safetensors"))
        for length in (size - 1, size // 2, 1000, 8, 7, 1):
            with self.subTest(length):
                os.truncate(self.path("model.safetensors"), length)
                self.assert_refused("model.safetensors")
                shutil.copy(os.path.join(harness.MODEL_DIR,
                                         "model.safetensors"), self.model)

    def test_weights_with_a_hostile_header_size(self):
        with open(self.path("model.safetensors"), "r+b") as file:
            file.write(struct.pack("<Q", 2**63))
        self.assert_refused("model.safetensors")

    def test_weights_whose_header_is_not_json(self):
        with open(self.path("model.safetensors"), "r+b") as file:
            file.seek(8)
            file.write(b"\xff\xff\xff")
        self.assert_refused("model.safetensors")

    def test_a_missing_tensor(self):
        header, data = self.read_weights()
        name = "encoder.layers.1.ffn.inner.weight"
        first, last = header.pop(name)["data_offsets"]
        for tensor in header.values():
            if tensor.get("data_offsets", [0])[0] >= last:
                tensor["data_offsets"] = [
                    offset - (last - first) for offset in tensor["data_offsets"]]
        self.write_weights(header, data[:first] + data[last:])
        self.assert_refused("model.safetensors", name)

    def replace(self, name, dtype, new):
        """Another tensor of the same shape."""
        header, data = self.read_weights()
        rebuilt = b""
        for other, tensor in sorted(header.items()):
            if other == "__metadata__":
                continue
            first, last = tensor["data_offsets"]
            piece = data[first:last]
            if other == name:
                tensor["dtype"], piece = dtype, new
            tensor["data_offsets"] = [len(rebuilt), len(rebuilt) + len(piece)]
            rebuilt += piece
        self.write_weights(header, rebuilt)

    def test_output_that_is_not_finite(self):
        # Finite itself, and what it is multiplied with is not.
        for precision in ("float32", "int8"):
            with self.subTest(precision):
                self.replace("encoder.norm.weight", "F32",
                             struct.pack("<256f", *[3e38] * 256))
                self.assert_refused("trial translation",
                                    flags=(f"--precision={precision}",))

    def test_a_hole_between_tensors(self):
        header, data = self.read_weights()
        del header["encoder.layers.1.ffn.inner.weight"]
        self.write_weights(header, data)
        self.assert_refused("model.safetensors", "encoder.layers.1.ffn")

    def test_a_tensor_of_the_wrong_shape(self):
        header, data = self.read_weights()
        name = "encoder.layers.1.ffn.inner.weight"
        rows, columns = header[name]["shape"]
        header[name]["shape"] = [columns, rows]
        self.write_weights(header, data)
        self.assert_refused("model.safetensors", name, str(rows), str(columns))

    def test_a_tensor_outside_the_file(self):
        header, data = self.read_weights()
        name = "encoder.layers.1.ffn.inner.weight"
        first, last = header[name]["data_offsets"]
        header[name]["data_offsets"] = [first + 10**12, last + 10**12]
        self.write_weights(header, data)
        self.assert_refused("model.safetensors", name)

    def test_a_tensor_of_unknown_type(self):
        header, data = self.read_weights()
        name = "encoder.layers.1.ffn.inner.weight"
        header[name]["dtype"] = "Q7"
        self.write_weights(header, data)
        self.assert_refused("model.safetensors", name)

    def test_weights_that_are_not_numbers(self):
        header, data = self.read_weights()
        name = "encoder.layers.0.ffn.inner.weight"
        first = header[name]["data_offsets"][0]
        data = data[:first] + b"\x00\x7e" + data[first + 2:]  # NaN as F16
        self.write_weights(header, data)
        self.assert_refused("model.safetensors", name)

    def test_config_that_is_not_json(self):
        with open(self.path("config.json"), "a", encoding="utf-8") as file:
            file.write("}")
        self.assert_refused("config.json")

    def test_config_with_a_misspelt_field(self):
        def change(config):
            config["architecture"]["encoder"]["num_layer"] = 6
        self.change_config(change)
        self.assert_refused("config.json", "num_layer")

    def test_config_without_a_required_field(self):
        self.change_config(lambda config: config.pop("tokens"))
        self.assert_refused("config.json", "tokens")

    def test_config_of_another_model(self):
        def change(config):
            config["architecture"]["encoder"]["ffn_dim"] = 2048
        self.change_config(change)
        self.assert_refused("encoder.layers.0.ffn.inner", "1024", "2048")

    def test_absurd_sizes(self):
        for size in (0, -1, 2**31 - 1):
            with self.subTest(size):
                def change(config, size=size):
                    config["architecture"]["encoder"]["model_dim"] = size
                self.change_config(change)
                self.assert_refused("model_dim")

    def test_a_tokenizer_that_is_none(self):
        with open(self.path("source.spm"), "wb") as file:
            file.write(os.urandom(1000))
        self.assert_refused("source.spm")

    def test_a_tokenizer_of_another_size(self):
        sizes = []

        def change(config):
            sizes.append(config["architecture"]["source_vocab_size"])
            config["architecture"]["source_vocab_size"] = sizes[0] - 1
            config["architecture"]["target_vocab_size"] = sizes[0] - 1
        self.change_config(change)
        self.assert_refused(str(sizes[0]), str(sizes[0] - 1))


class FlagsTest(unittest.TestCase):

    def run_server(self, *command):
        return subprocess.run(command, capture_output=True, timeout=60,
                              check=False)

    def test_wrong_flags(self):
        binary = harness.server_command()[0]
        model = f"--model={harness.MODEL_DIR}"
        for flags in (["--no-such-flag"], [model, "--workers=-1"],
                      [model, "--workers=many"], [model, "--device=abacus"],
                      [model, "--max-text-bytes=-5"],
                      [model, "--listen=nowhere"], ["--model="],
                      [model, "--max-beam-size=100000"]):
            with self.subTest(flags):
                run = self.run_server(binary, *flags)
                self.assertEqual(run.returncode, 2, run.stderr)
                self.assertIn(flags[-1].split("=")[0].encode(), run.stderr)

    def test_a_name_given_twice(self):
        run = self.run_server(*harness.server_command(
            models=(harness.MODEL_DIR, harness.MODEL_DIR)))
        self.assertEqual(run.returncode, 1)
        self.assertIn(harness.MODEL.encode(), run.stderr)

    def test_help_and_version(self):
        binary = harness.server_command()[0]
        run = self.run_server(binary, "--help")
        self.assertEqual(run.returncode, 0)
        for flag in (b"--listen", b"--model", b"--drain-timeout"):
            self.assertIn(flag, run.stdout)
        self.assertEqual(self.run_server(binary, "--version").returncode, 0)

    def test_a_port_in_use(self):
        with harness.Server() as server:
            run = self.run_server(
                *harness.server_command(listen=server.address))
            self.assertEqual(run.returncode, 1)
            self.assertIn(server.address.encode(), run.stdout + run.stderr)


class DevicesTest(unittest.TestCase):

    def test_the_reference_agrees(self):
        sentences = ["The house is small.", "I am hungry.",
                     "The weather is nice today."]
        texts = []
        for device in ("cpu", "reference"):
            with harness.Server(f"--device={device}") as server:
                response = server.translate(*sentences)
                self.assertEqual(response.translations[0].cost.device, device)
                texts.append([t.hypotheses[0].text
                              for t in response.translations])
        self.assertEqual(texts[0], texts[1])


class SeveralModelsTest(unittest.TestCase):

    @staticmethod
    def _has_tokenizer(folder):
        """Text needs more than a list of pieces."""
        return (os.path.basename(folder).startswith(("hf-", "ct2-")) and
                any(name.endswith((".spm", ".model", "tokenizer.json"))
                    for name in os.listdir(folder)))

    def test_models_of_every_format_stand_beside_each_other(self):
        """The golden models. Those of our own format have no tokenizer."""
        golden = os.path.join(harness.SOURCE_DIR, "tests", "golden")
        folders = [os.path.join(golden, name)
                   for name in sorted(os.listdir(golden))
                   if os.path.exists(os.path.join(golden, name, "config.json"))]
        self.assertGreater(len(folders), 3)
        with harness.Server("--workers=1",
                            models=(*folders, harness.MODEL_DIR)) as server:
            listed = server.stub.ListModels(pb.ListModelsRequest()).models
            self.assertEqual(
                sorted(m.name for m in listed),
                sorted([os.path.basename(f) for f in folders]
                       + [harness.MODEL]))
            for folder in folders:
                name = os.path.basename(folder)
                if self._has_tokenizer(folder):
                    model = next(m for m in listed if m.name == name)
                    server.translate("x", model=name,
                                     target_language=(list(model.languages)
                                                      or [""])[0])
                    continue
                with self.assertRaises(grpc.RpcError) as raised:
                    server.translate("x", model=name)
                self.assertEqual(raised.exception.code(),
                                 grpc.StatusCode.INVALID_ARGUMENT)
                self.assertIn("tokens only", raised.exception.details())
            self.assertNotEqual(
                best(server.translate("The house.", model=harness.MODEL)), "")

    def test_each_is_called_by_its_name(self):
        models = (f"first={harness.MODEL_DIR}", f"second={harness.MODEL_DIR}")
        with harness.Server(models=models) as server:
            listed = server.stub.ListModels(pb.ListModelsRequest()).models
            self.assertEqual([m.name for m in listed], ["first", "second"])
            for name in ("first", "second"):
                response = server.translate("The house is small.", model=name)
                self.assertEqual(response.model, name)
            with self.assertRaises(grpc.RpcError) as raised:
                server.translate("The house is small.")
            self.assertEqual(raised.exception.code(),
                             grpc.StatusCode.INVALID_ARGUMENT)
            self.assertIn("second", raised.exception.details())
            refused = harness.client(server, "translate", "x")
            self.assertEqual(refused.returncode, 1)
            self.assertIn(b"first, second", refused.stderr)


if __name__ == "__main__":
    unittest.main()
