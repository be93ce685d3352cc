"""The examples in other languages, built and run as their README says.

Those of Go and Java take some seconds each to compile, and their packages some
hundred megabytes: they run where PEREGRINE_EXAMPLES=all.
"""

import os
import shutil
import subprocess
import tempfile
import threading
import unittest
from concurrent import futures

import grpc

import edge
import harness

EXAMPLES = os.path.join(harness.SOURCE_DIR, "examples")
SERVICE_CONFIG = os.path.join(harness.SOURCE_DIR, "proto", "peregrine", "v1",
                              "service_config.json")
BUILD_DIR = os.path.dirname(harness.BIN)
METHOD = f"/{harness.SERVICE}/Translate"
REFUSALS = 2
TEXT = "The house is small."


class Refusing(grpc.GenericRpcHandler):
    """Passes Translate on to a server, after it has refused some calls."""

    def __init__(self, channel):
        self._pass_on = channel.unary_unary(METHOD)
        self._lock = threading.Lock()
        self.calls = 0
        self.deadlines = []

    def service(self, details):
        if details.method != METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(self._translate)

    def _translate(self, request, context):
        with self._lock:
            self.calls += 1
            self.deadlines.append(context.time_remaining())
            refuse = self.calls <= REFUSALS
        if refuse:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return self._pass_on(request, timeout=harness.CALL_SECONDS)


def slow(test):
    return unittest.skipUnless(
        os.environ.get("PEREGRINE_EXAMPLES") == "all",
        "takes long to compile: set PEREGRINE_EXAMPLES=all")(test)


def needs(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300,
                          env={**os.environ, **more})
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


class ExamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Server("--workers=1")
        cls.expected = harness.best(cls.server.translate(TEXT))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="peregrine-examples-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def check(self, *command, **environment):
        """The command, with an address and a text, prints the translation."""
        handler = Refusing(self.server.channel)
        front = grpc.server(futures.ThreadPoolExecutor(4))
        front.add_generic_rpc_handlers([handler])
        port = front.add_insecure_port("127.0.0.1:0")
        front.start()
        try:
            output = run(*command, f"127.0.0.1:{port}", TEXT,
                         SERVICE_CONFIG=SERVICE_CONFIG, **environment)
        finally:
            front.stop(None)
        self.assertEqual(output.strip(), self.expected)
        self.assertEqual(handler.calls, REFUSALS + 1, "it tries again")
        for left in handler.deadlines:
            self.assertIsNotNone(left, "it has a deadline")
            self.assertLessEqual(left, 10)

    def path(self, *names):
        return os.path.join(EXAMPLES, *names)

    def test_cpp_finds_the_installed_package(self):
        if not os.path.exists(os.path.join(BUILD_DIR, "cmake_install.cmake")):
            self.skipTest("not the programs of a build tree")
        prefix = os.path.join(self.folder, "prefix")
        run("cmake", "--install", BUILD_DIR, "--component", "client-dev",
            "--prefix", prefix)
        build = os.path.join(self.folder, "build")
        run("cmake", "-G", "Ninja", "-S", self.path("cpp"), "-B", build,
            f"-DCMAKE_PREFIX_PATH={prefix}")
        run("cmake", "--build", build)
        self.check(os.path.join(build, "translate"))

    @needs("ruby", "grpc_ruby_plugin")
    def test_ruby(self):
        run(self.path("ruby", "generate"), self.folder)
        self.check("ruby", self.path("ruby", "translate.rb"), GENERATED=self.folder)

    @slow
    @needs("go", "protoc-gen-go", "protoc-gen-go-grpc")
    def test_go(self):
        run(self.path("go", "build"), self.folder)
        self.check(os.path.join(self.folder, "translate"), GRPC_GO_RETRY="on")

    @slow
    @needs("javac", "grpc_java_plugin")
    def test_java(self):
        run(self.path("java", "build"), self.folder)
        self.check(os.path.join(self.folder, "translate"))

    @edge.needs_envoy
    @needs("curl")
    def test_curl(self):
        with edge.Edge([self.server]) as way:
            reply = run("curl", "--silent", "--cacert", way.certificate,
                        "--max-time", "10", "--retry", "4",
                        f"{way.url}{METHOD}", "--json",
                        '{"texts": [{"text": "%s"}]}' % TEXT)
        self.assertIn(self.expected, reply)


if __name__ == "__main__":
    unittest.main()
