"""Models of a directory tree, loaded when a request asks for them."""

import concurrent.futures
import os
import tempfile
import time
import unittest

import grpc
import harness
import test_pivot
from harness import best, pb


class OnDemandTest(harness.ServerTestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = cls.folder.name
        os.makedirs(os.path.join(root, "europe"))
        for name, source, target in (("en-de", "en", "de"),
                                     ("de-nl", "de", "nl")):
            test_pivot.make_model(os.path.join(root, "europe"), name, source,
                                  target)
        broken = test_pivot.make_model(root, "en-fr", "en", "fr")
        with open(os.path.join(broken, "config.json"), "w",
                  encoding="utf-8") as file:
            file.write("{")
        torn = test_pivot.make_model(root, "en-it", "en", "it")
        weights = os.path.join(torn, "model.safetensors")
        with open(weights, "rb") as file:
            half = file.read(1 << 20)
        os.remove(weights)
        with open(weights, "wb") as file:
            file.write(half)
        cls.server = harness.Server(f"--models={root}", "--apis=kserve-v2",
                                    models=())
        cls.expected = None

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def tearDown(self):
        self.assertIsNone(self.server.process.poll(), "the server died")

    def translate(self, source="en", target="de", text="The house is small.",
                  **fields):
        return self.server.translate(text, source_language=source,
                                     target_language=target, **fields)

    def loads(self, model, outcome="ok"):
        return self.server.metric("peregrine_model_loads_total", model=model,
                                  outcome=outcome)

    def test_1_nothing_is_loaded_at_the_start(self):
        self.assertEqual(self.server.metric("peregrine_models_weights_bytes"),
                         0)
        self.assertEqual(self.server.metric("peregrine_ready"), 1)
        models = {m.name: m for m in self.server.stub.ListModels(
            pb.ListModelsRequest(), timeout=10).models}
        self.assertIn("de-nl", models)
        self.assertEqual(models["en-de"].target_language, "de")
        self.assertFalse(models["en-de"].devices)

    def test_1_kserve_knows_it(self):
        """By the bytes of RepositoryIndexRequest and the like."""
        def call(method, request):
            return self.server.channel.unary_unary(
                f"/inference.GRPCInferenceService/{method}")(request,
                                                              timeout=10)
        index = call("RepositoryIndex", b"")
        for words in (b"en-de", b"UNAVAILABLE", b"unloaded: a request loads"):
            self.assertIn(words, index)
        named = b"\x0a\x05de-nl"
        self.assertIn(b"translation", call("ModelMetadata", named))
        self.assertIn(b"translation", call("ModelConfig", named))
        self.assertEqual(call("ModelReady", named), b"\x08\x01")

    def test_2_many_requests_cause_one_load(self):
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            answers = set(pool.map(lambda _: best(self.translate()),
                                   range(200)))
        self.assertEqual(len(answers), 1)
        self.assertIn("Haus", answers.pop())
        self.assertEqual(self.loads("en-de"), 1)
        self.assertGreater(
            self.server.metric("peregrine_models_weights_bytes"), 0)
        self.assertTrue(self.server.stub.GetModel(
            pb.GetModelRequest(name="en-de"), timeout=10).devices)

    def test_3_both_of_two_in_a_row(self):
        answer = self.translate(target="nl")
        self.assertEqual((answer.pivot.model, answer.model),
                         ("en-de", "de-nl"))
        self.assertEqual(self.loads("de-nl"), 1)

    def test_a_torn_model_is_told(self):
        error = self.assert_refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            lambda: self.translate(model="en-it"))
        self.assertIn("en-it", error.details())
        self.assertIn("model.safetensors", error.details())

    def test_a_broken_configuration_is_told_to_who_names_the_model(self):
        error = self.assert_refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            lambda: self.translate(model="en-fr", source="", target=""))
        self.assertIn("config.json", error.details())
        self.assert_invalid("target_language",
                            lambda: self.translate(target="fr"))

    def test_names_that_nobody_has(self):
        error = self.assert_refused(
            grpc.StatusCode.NOT_FOUND,
            lambda: self.translate(model="xx", source="", target=""))
        self.assertIn("de-nl", error.details())


class TreeTest(unittest.TestCase):
    """Model directories that come, change and go while the server runs."""

    def await_that(self, what, says):
        end = time.monotonic() + 30
        while not says():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.1)

    def test_models_come_change_and_go(self):
        with tempfile.TemporaryDirectory() as root, \
                tempfile.TemporaryDirectory() as elsewhere:
            test_pivot.make_model(root, "en-de", "en", "de")
            with harness.Server(f"--models={root}", models=()) as server:
                def names():
                    return [m.name for m in server.stub.ListModels(
                        pb.ListModelsRequest(), timeout=10).models]

                def translate(target):
                    return server.translate("The house is small.",
                                            source_language="en",
                                            target_language=target)
                first = translate("de")
                with self.assertRaises(grpc.RpcError):
                    translate("fr")
                made = test_pivot.make_model(elsewhere, "en-fr", "en", "fr")
                os.rename(made, os.path.join(root, "en-fr"))
                self.await_that("the new one", lambda: "en-fr" in names())
                self.assertEqual(translate("fr").model, "en-fr")

                config = os.path.join(root, "en-de", "config.json")
                with open(config, encoding="utf-8") as file:
                    text = file.read()
                with open(config, "w", encoding="utf-8") as file:
                    file.write(text + "\n")
                self.await_that("the change", lambda: server.metric(
                    "peregrine_model_unloads_total", model="en-de",
                    reason="changed") == 1)
                again = translate("de")
                self.assertEqual(best(again), best(first))
                self.assertNotEqual(again.revision, first.revision)

                os.rename(os.path.join(root, "en-fr"),
                          os.path.join(elsewhere, "gone"))
                self.await_that("that it is gone",
                                lambda: names() == ["en-de"])
                with self.assertRaises(grpc.RpcError) as raised:
                    translate("fr")
                self.assertEqual(raised.exception.code(),
                                 grpc.StatusCode.INVALID_ARGUMENT)


class MemoryTest(unittest.TestCase):

    def test_a_pivot_that_does_not_fit_is_refused(self):
        with tempfile.TemporaryDirectory() as root:
            for name, source, target in (("one", "en", "de"),
                                         ("two", "de", "nl")):
                test_pivot.make_model(root, name, source, target)
            size = os.stat(os.path.join(harness.MODEL_DIR,
                                        "model.safetensors")).st_size
            with harness.Server(f"--models={root}", "--precision=float32",
                                f"--model-memory-mib={int(3 * size / (1 << 20))}",
                                models=()) as server:
                with self.assertRaises(grpc.RpcError) as raised:
                    server.translate("The house is small.",
                                     source_language="en",
                                     target_language="nl")
                self.assertEqual(raised.exception.code(),
                                 grpc.StatusCode.RESOURCE_EXHAUSTED)
                self.assertIn("one, two", raised.exception.details())

    def test_models_take_turns_in_too_little_memory(self):
        with tempfile.TemporaryDirectory() as root:
            for name, source, target in (("one", "en", "de"),
                                         ("two", "de", "nl")):
                test_pivot.make_model(root, name, source, target)
            size = os.stat(os.path.join(harness.MODEL_DIR,
                                        "model.safetensors")).st_size
            mebibytes = int(3 * size / (1 << 20))  # in float32: one
            with harness.Server(f"--models={root}", "--precision=float32",
                                f"--model-memory-mib={mebibytes}",
                                "--model-idle=1s", models=()) as server:
                def translate(number):
                    pair = (("en", "de"), ("de", "nl"))[number % 2]
                    return server.translate(
                        f"House number {number}.", source_language=pair[0],
                        target_language=pair[1]).model
                with concurrent.futures.ThreadPoolExecutor(4) as pool:
                    models = list(pool.map(translate, range(12)))
                self.assertEqual(models, ["one", "two"] * 6)
                self.assertGreater(server.metric(
                    "peregrine_model_unloads_total", reason="memory"), 0)
                end = time.monotonic() + 20
                while server.metric("peregrine_models_weights_bytes") > 0:
                    self.assertLess(time.monotonic(), end, "not unloaded")
                    time.sleep(0.2)
                self.assertGreater(server.metric(
                    "peregrine_model_unloads_total", reason="idle"), 0)
                self.assertEqual(translate(1), "two")

    def test_a_tree_without_models_is_refused(self):
        with tempfile.TemporaryDirectory() as root:
            with self.assertRaises(AssertionError) as raised:
                harness.Server(f"--models={root}", models=())
            self.assertIn("--models: ", str(raised.exception))
            self.assertIn("found no model in it", str(raised.exception))


if __name__ == "__main__":
    unittest.main()
