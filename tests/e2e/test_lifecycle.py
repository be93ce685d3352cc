"""Models that come, go and are replaced while the server serves."""

import os
import shutil
import tempfile
import threading
import time
import unittest

import grpc
import harness
from harness import best, pb
from peregrine.v1 import admin_pb2, admin_pb2_grpc

RELOADS = int(os.environ.get("PEREGRINE_RELOADS", "30"))
GOLDEN_MODEL = os.path.join(harness.SOURCE_DIR, "tests", "golden",
                            "mini-decoder")
# Of the resident memory, over all reloads: each model that stays adds a third.
MAX_GROWTH = 1.15


class Callers:
    """Threads that call without a pause and keep what came out."""

    def __init__(self, server, count, **fields):
        self._server = server
        self._fields = fields
        self._stop = threading.Event()
        self.outcomes = []
        self._threads = [threading.Thread(target=self._call)
                         for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _call(self):
        while not self._stop.is_set():
            try:
                self.outcomes.append(best(self._server.translate(
                    "The house is small.", **self._fields)))
            except grpc.RpcError as error:
                self.outcomes.append(error)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.outcomes


class AdminTest(unittest.TestCase):

    def setUp(self):
        self.server = harness.Server("--admin-listen=127.0.0.1:0",
                                     "--workers=1")
        self.addCleanup(self.server.stop)
        self.admin = admin_pb2_grpc.AdminServiceStub(
            self.server.connect(self.server.admin_address))
        self.expected = best(self.server.translate("The house is small."))

    def reload(self, directory=""):
        return self.admin.ReloadModel(
            admin_pb2.ReloadModelRequest(name=harness.MODEL,
                                         directory=directory), timeout=60)

    def reload_under_load(self, times):
        """What the calls meanwhile came to."""
        callers = Callers(self.server, 3)
        try:
            for _ in range(times):
                self.reload()
        finally:
            outcomes = callers.stop()
        return outcomes

    def settled_memory(self):
        """Resident, once models that were replaced are gone."""
        samples = []
        for _ in range(10):
            samples.append(self.server.metric("process_resident_memory_bytes"))
            time.sleep(0.1)
        return min(samples)

    def assert_code(self, code, call):
        with self.assertRaises(grpc.RpcError) as raised:
            call()
        self.assertEqual(raised.exception.code(), code)
        return raised.exception.details()

    def test_reloads_under_load_fail_nothing_and_keep_nothing(self):
        outcomes = self.reload_under_load(times=5)
        before = self.settled_memory()
        outcomes += self.reload_under_load(RELOADS)
        after = self.settled_memory()
        self.assertGreater(len(outcomes), RELOADS / 10)
        self.assertEqual(set(outcomes), {self.expected})
        self.assertLess(after, before * MAX_GROWTH)
        self.assertEqual(
            self.server.metric("peregrine_requests_total", outcome="ok"),
            len(outcomes) + 1)

    def test_a_broken_model_leaves_the_old_one_serving(self):
        with tempfile.TemporaryDirectory(prefix="peregrine-e2e-") as folder:
            broken = os.path.join(folder, "broken")
            shutil.copytree(harness.MODEL_DIR, broken)
            weights = os.path.join(broken, "model.safetensors")
            os.truncate(weights, os.path.getsize(weights) // 2)
            details = self.assert_code(grpc.StatusCode.INVALID_ARGUMENT,
                                       lambda: self.reload(broken))
            self.assertIn(weights, details)
            self.assert_code(
                grpc.StatusCode.INVALID_ARGUMENT,
                lambda: self.admin.LoadModel(admin_pb2.LoadModelRequest(
                    name="other", directory=broken)))
        details = self.assert_code(grpc.StatusCode.NOT_FOUND,
                                   lambda: self.reload("/nonexistent/model"))
        self.assertIn("/nonexistent/model", details)
        self.assertEqual(best(self.server.translate("The house is small.")),
                         self.expected)
        self.reload()  # from where it came

    def test_load_and_unload(self):
        loaded = self.admin.LoadModel(admin_pb2.LoadModelRequest(
            directory=GOLDEN_MODEL, name="tiny")).model
        self.assertEqual(loaded.name, "tiny")
        listed = self.server.stub.ListModels(pb.ListModelsRequest()).models
        self.assertEqual([m.name for m in listed], [harness.MODEL, "tiny"])
        callers = Callers(self.server, 2, model=harness.MODEL)
        self.admin.UnloadModel(admin_pb2.UnloadModelRequest(name="tiny"))
        self.assertEqual(set(callers.stop()), {self.expected})
        self.assertEqual(
            self.server.metric("peregrine_workers", model="tiny"), 0)
        self.assert_code(
            grpc.StatusCode.FAILED_PRECONDITION,
            lambda: self.admin.UnloadModel(
                admin_pb2.UnloadModelRequest(name=harness.MODEL)))

    def test_drain_ends_the_server_and_fails_nothing(self):
        outcomes = []

        def call_until_refused():
            while True:
                try:
                    outcomes.append(best(
                        self.server.translate("The house is small.")))
                except grpc.RpcError as error:
                    outcomes.append(error.code())
                    return

        callers = [threading.Thread(target=call_until_refused)
                   for _ in range(4)]
        for caller in callers:
            caller.start()
        end = time.monotonic() + 60
        while self.expected not in outcomes:
            self.assertLess(time.monotonic(), end, "nobody was served")
            time.sleep(0.01)
        self.admin.Drain(admin_pb2.DrainRequest())
        for caller in callers:
            caller.join(timeout=60)
        self.assertEqual(self.server.process.wait(timeout=30), 0)
        self.assertEqual(set(outcomes),
                         {self.expected, grpc.StatusCode.UNAVAILABLE})


class AdminIsOffTest(unittest.TestCase):

    def test_the_public_address_knows_no_admin_service(self):
        with harness.Server() as server:
            with self.assertRaises(grpc.RpcError) as raised:
                admin_pb2_grpc.AdminServiceStub(server.channel).Drain(
                    admin_pb2.DrainRequest(), timeout=10)
            self.assertEqual(raised.exception.code(),
                             grpc.StatusCode.UNIMPLEMENTED)
            server.translate("The house is small.")


class ModelLimitsTest(unittest.TestCase):

    def test_each_model_has_its_own(self):
        models = (f"small={harness.MODEL_DIR}", f"large={harness.MODEL_DIR}")
        with harness.Server("--model-limit=small.max-text-bytes=10",
                            "--workers=1", models=models) as server:
            listed = server.stub.ListModels(pb.ListModelsRequest()).models
            self.assertEqual({m.name: m.limits.max_text_bytes for m in listed},
                             {"small": 10, "large": 65536})
            server.translate("The house is small.", model="large")
            with self.assertRaises(grpc.RpcError) as raised:
                server.translate("The house is small.", model="small")
            self.assertIn("allowed at most 10", raised.exception.details())


if __name__ == "__main__":
    unittest.main()
