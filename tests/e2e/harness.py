"""Starts the real server on free ports, and calls it.

The environment names what to test: PEREGRINE_BIN (the folder of the two
executables) and PEREGRINE_SOURCE_DIR.
"""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

import grpc
from google.rpc import error_details_pb2, status_pb2
from peregrine.v1 import translation_pb2 as pb
from peregrine.v1 import translation_pb2_grpc

BIN = os.environ["PEREGRINE_BIN"]
SOURCE_DIR = os.environ["PEREGRINE_SOURCE_DIR"]
# Of each server that a test starts: tests that repeat a sentence mean to have
# it translated again. Those of the cache switch it on by its flag.
os.environ["PEREGRINE_CACHE_MIB"] = "0"
MODEL_DIR = os.path.join(SOURCE_DIR, "models", "en-de-mdn")
MODEL = "en-de-mdn"
SERVICE = "peregrine.v1.TranslationService"

START_SECONDS = 60
# Generous: the tests share the machine with other work.
CALL_SECONDS = 60


def server_command(*flags, models=(MODEL_DIR,), listen="127.0.0.1:0",
                   binary="peregrine-server"):
    return [
        os.path.join(BIN, binary),
        f"--listen={listen}",
        "--metrics-listen=127.0.0.1:0",
        *(f"--model={model}" for model in models),
        *flags,
    ]


class Server:
    """A running server; use it in a `with` statement or call stop()."""

    def __init__(self, *flags, launcher=(), environment=None, log=None,
                 **places):
        """`launcher`: the beginning of a command line that runs the command
        after it, where there may be no file to write. `environment`: beside
        ours. `log`: a file descriptor in place of the log file."""
        self._terminated = False
        self._folder = tempfile.TemporaryDirectory(prefix="peregrine-e2e-")
        self._log_path = os.path.join(self._folder.name, "log")
        port_file = os.path.join(self._folder.name, "ports")
        command = server_command(*flags, **places)
        if not launcher:
            command.append(f"--port-file={port_file}")
        with open(self._log_path, "wb") as file:
            self.process = subprocess.Popen(
                [*launcher, *command], env=dict(os.environ,
                                                **(environment or {})),
                stdin=subprocess.DEVNULL, stdout=file,
                stderr=file if log is None else log)
        try:
            ports = self._await_ports(
                self._log_path if launcher else port_file)
        except Exception:
            self.process.kill()
            self.process.wait()
            raise
        self.address = f"127.0.0.1:{ports['grpc']}"
        self.metrics_address = f"127.0.0.1:{ports['metrics']}"
        self.admin_address = f"127.0.0.1:{ports.get('admin', 0)}"
        self.channel = self.connect(self.address)
        self.stub = translation_pb2_grpc.TranslationServiceStub(self.channel)

    @staticmethod
    def connect(address):
        return grpc.insecure_channel(
            address, options=[("grpc.max_receive_message_length", -1),
                              ("grpc.enable_retries", 0)])

    def _await_ports(self, path):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"the server exited with {self.process.returncode}:\n"
                    + self.log())
            ports = self._read_ports(path)
            if "grpc" in ports and "metrics" in ports:
                return ports
            time.sleep(0.02)
        raise AssertionError("the server did not start:\n" + self.log())

    @staticmethod
    def _read_ports(path):
        """From the file of ports, or the log's line that the server serves."""
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return dict(re.findall(
                    r"\b(grpc|metrics|admin)(?:_port=| )(\d+)\b", file.read()))
        except FileNotFoundError:
            return {}

    def log(self):
        with open(self._log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def terminate(self):
        """Asks it to drain and end."""
        if not self._terminated:
            self._terminated = True
            self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """Asks it to end; the exit code."""
        self.channel.close()
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server did not stop:\n" + self.log())
        finally:
            self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def translate(self, *texts, timeout=CALL_SECONDS, options=None, **fields):
        """The response to a call with these texts."""
        request = pb.TranslateRequest(
            texts=[text if isinstance(text, pb.Text) else pb.Text(text=text)
                   for text in texts], **fields)
        if options is not None:
            request.options.CopyFrom(pb.DecodingOptions(**options))
        return self.stub.Translate(request, timeout=timeout)

    def translate_raw(self, request, timeout=CALL_SECONDS):
        """Translate with the bytes of a request, whatever they are."""
        call = self.channel.unary_unary(
            f"/{SERVICE}/Translate",
            request_serializer=lambda data: data,
            response_deserializer=pb.TranslateResponse.FromString)
        return call(request, timeout=timeout)

    def metrics_page(self):
        """The lines of /metrics."""
        with urllib.request.urlopen(
                f"http://{self.metrics_address}/metrics", timeout=10) as reply:
            return reply.read().decode("utf-8").splitlines()

    def metrics(self):
        """Name and labels, as printed, to value."""
        samples = [line.rsplit(" ", 1) for line in self.metrics_page()
                   if line and not line.startswith("#")]
        return {name: float(value) for name, value in samples}

    def metric_families(self):
        """Their names; some have no sample, of a GPU that is not there."""
        return {line.split()[2] for line in self.metrics_page()
                if line.startswith("# TYPE ")}

    def metric(self, name, **labels):
        """The sum of the samples of `name` that have these labels."""
        total = 0.0
        for sample, value in self.metrics().items():
            if sample.split("{")[0] != name:
                continue
            if all(f'{key}="{label}"' in sample
                   for key, label in labels.items()):
                total += value
        return total


class ServerTestCase(unittest.TestCase):
    """One server for all tests of the class, which must still serve after
    each."""

    FLAGS = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.FLAGS)
        cls.expected = best(cls.server.translate("The house is small."))

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        assert code == 0, f"the server ended with {code}"

    def tearDown(self):
        self.assertIsNone(self.server.process.poll(), "the server died")
        response = self.server.translate("The house is small.")
        self.assertEqual(best(response), self.expected)

    def assert_refused(self, code, call):
        """Runs `call`, which must fail with `code`; the error."""
        with self.assertRaises(grpc.RpcError) as raised:
            call()
        error = raised.exception
        self.assertEqual(error.code(), code, error.details())
        return error

    def assert_invalid(self, field, call):
        """The call must be refused for this very field."""
        error = self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, call)
        self.assertIn(field, error.details())
        violations = detail(error, error_details_pb2.BadRequest)
        self.assertIsNotNone(violations, "no BadRequest among the details")
        self.assertIn(field, [v.field for v in violations.field_violations])
        return error


def best(response):
    """The text of the best hypothesis of the first translation."""
    return response.translations[0].hypotheses[0].text


def detail(error, kind):
    """The google.rpc detail of this kind that an error carries, or None."""
    trailer = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(
        trailer.get("grpc-status-details-bin", b""))
    for packed in status.details:
        unpacked = kind()
        if packed.Unpack(unpacked):
            return unpacked
    return None


def client(server, *arguments, stdin=b"", timeout=120, address=None, **more):
    """Runs the command `peregrine`, with `more` in its environment; its result,
    with bytes."""
    environment = dict(os.environ, **more)
    environment["PEREGRINE_ADDRESS"] = address or server.address
    return subprocess.run(
        [os.path.join(BIN, "peregrine"), *arguments], input=stdin,
        env=environment, capture_output=True, timeout=timeout, check=False)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def english_sentences():
    """A few everyday sentences: those of the demo."""
    path = os.path.join(SOURCE_DIR, "scripts", "demo.en.txt")
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip()]
