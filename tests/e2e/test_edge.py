"""Envoy with deploy/envoy's configuration before two real servers: every way in,
and what a lost, a drained and an unreachable server cost its clients."""

import json
import os
import re
import signal
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request
from concurrent import futures

import edge
import grpc
import harness
from google.rpc import error_details_pb2
from harness import best, detail, pb
from peregrine.v1 import admin_pb2, admin_pb2_grpc, translation_pb2_grpc

TEXT = "The house is small."
TRANSLATE = "/peregrine.v1.TranslationService/Translate"
# Runs clients of other makers, in the environment of scripts/edge-env.
PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     "edge_peers.py")


class Callers:
    """Threads that call again and again; what each call came to."""

    def __init__(self, channel, number=6, timeout=10):
        self._stub = translation_pb2_grpc.TranslationServiceStub(channel)
        self._timeout = timeout
        self._ended = threading.Event()
        self.outcomes = []
        self._threads = [threading.Thread(target=self._run)
                         for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        request = pb.TranslateRequest(texts=[pb.Text(text=TEXT)])
        while not self._ended.is_set():
            try:
                self.outcomes.append(best(
                    self._stub.Translate(request, timeout=self._timeout)))
            except grpc.RpcError as error:
                self.outcomes.append(f"{error.code()}: {error.details()}")

    def stop(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()
        return self.outcomes


class EdgeTestCase(unittest.TestCase):
    FLAGS = ("--workers=1",)

    def start(self):
        self.servers = [harness.Server(*self.FLAGS) for _ in range(2)]
        for server in self.servers:
            self.addCleanup(self.end, server)
        self.edge = edge.Edge(self.servers)
        self.addCleanup(self.edge.stop)
        self.channel = self.edge.channel()
        self.addCleanup(self.channel.close)
        self.stub = translation_pb2_grpc.TranslationServiceStub(self.channel)
        self.expected = best(self.servers[0].translate(TEXT))

    def end(self, server):
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
        server.stop()

    def translate(self, **fields):
        return self.stub.Translate(
            pb.TranslateRequest(texts=[pb.Text(text=TEXT)], **fields),
            timeout=harness.CALL_SECONDS)


@edge.needs_envoy
class EdgeLossTest(EdgeTestCase):
    """What callers see while a server goes."""

    def setUp(self):
        self.start()

    def answered(self, server):
        return server.metric("peregrine_requests_total", outcome="ok")

    def run_callers(self, lose):
        """Calls for some seconds, while the first server goes."""
        callers = Callers(self.channel)
        try:
            self.await_true(lambda: all(
                self.answered(server) > 5 for server in self.servers),
                "not balanced")
            lose(self.servers[0])
            before = self.answered(self.servers[1])
            self.await_true(lambda: self.edge.healthy() == 1,
                            "the server that went is in the balance")
            self.await_true(
                lambda: self.answered(self.servers[1]) > before + 50,
                "the other one does not go on")
        finally:
            outcomes = callers.stop()
        self.assertGreater(len(outcomes), 50)
        self.assertEqual(set(outcomes), {self.expected})

    def await_true(self, condition, otherwise):
        end = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), end, otherwise)
            time.sleep(0.05)

    def test_a_killed_server(self):
        def kill(server):
            server.process.kill()
            server.process.wait()
        self.run_callers(kill)

    def test_a_server_that_drains(self):
        self.run_callers(
            lambda server: self.assertEqual(server.stop(), 0))

    def test_a_server_that_says_nothing_any_more(self):
        """Neither FIN nor RST comes: its connections stay as they are."""
        self.run_callers(
            lambda server: server.process.send_signal(signal.SIGSTOP))


class Collector(grpc.GenericRpcHandler):
    """Takes the spans that Envoy sends, as a collector of OpenTelemetry does,
    and keeps their bytes."""

    METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

    def __init__(self):
        self.received = b""
        self._server = grpc.server(futures.ThreadPoolExecutor(2))
        self._server.add_generic_rpc_handlers((self,))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def service(self, details):
        return (grpc.unary_unary_rpc_method_handler(self._export)
                if details.method == self.METHOD else None)

    def _export(self, request, unused_context):
        self.received += request
        return b""

    def stop(self):
        self._server.stop(None)


@edge.needs_envoy
class EdgeTest(EdgeTestCase):
    FLAGS = ("--workers=1", "--log-requests")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.collector = Collector()
        cls.servers = [harness.Server(*cls.FLAGS) for _ in range(2)]
        cls.edge = edge.Edge(cls.servers, collector=cls.collector.address)
        cls.channel = cls.edge.channel()
        cls.stub = translation_pb2_grpc.TranslationServiceStub(cls.channel)
        cls.expected = best(cls.servers[0].translate(TEXT))

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.edge.stop()
        for server in cls.servers:
            server.stop()
        cls.collector.stop()

    def await_found(self, find):
        """The first thing that `find` finds."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = find()
            if found:
                return found
            time.sleep(0.1)
        self.fail("not found\n" + self.edge.log())

    def post(self, path, body, content_type="application/json"):
        """Status and body of the answer."""
        request = urllib.request.Request(
            self.edge.url + path, data=body,
            headers={"content-type": content_type})
        try:
            with urllib.request.urlopen(
                    request, timeout=harness.CALL_SECONDS,
                    context=self.edge.ssl_context()) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def test_grpc_calls_and_streams(self):
        self.assertEqual(best(self.translate()), self.expected)
        answers = self.stub.TranslateStream(
            (pb.TranslateStreamRequest(id=str(i), text=pb.Text(text=TEXT))
             for i in range(300)), timeout=harness.CALL_SECONDS)
        found = {answer.id: answer.translation.hypotheses[0].text
                 for answer in answers}
        self.assertEqual(found, {str(i): self.expected for i in range(300)})

    def test_errors_keep_their_details(self):
        with self.assertRaises(grpc.RpcError) as raised:
            self.translate(options=pb.DecodingOptions(beam_size=999))
        error = raised.exception
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
        violations = detail(error, error_details_pb2.BadRequest)
        self.assertEqual(violations.field_violations[0].field,
                         "options.beam_size")

    def test_json(self):
        status, body = self.post(TRANSLATE, json.dumps({
            "texts": [{"text": TEXT}], "options": {"numHypotheses": 2},
            "priority": "PRIORITY_INTERACTIVE"}).encode())
        self.assertEqual(status, 200, body)
        translation = json.loads(body)["translations"][0]
        self.assertEqual(translation["hypotheses"][0]["text"], self.expected)
        self.assertEqual(len(translation["hypotheses"]), 2)
        status, body = self.post(
            "/peregrine.v1.TranslationService/ListModels", b"{}")
        self.assertEqual(status, 200, body)
        self.assertEqual(json.loads(body)["models"][0]["name"], harness.MODEL)

    def test_json_errors_have_the_status_and_name_the_field(self):
        status, body = self.post(TRANSLATE, b'{"texts": []}')
        self.assertEqual(status, 400, body)
        error = json.loads(body)
        self.assertEqual(error["code"], 3)
        self.assertIn("texts", error["message"])
        status, body = self.post(TRANSLATE, b'{"text": "x"}')
        self.assertEqual(status, 400, body)
        status, body = self.post(TRANSLATE, b'{"texts": [{"text": "a')
        self.assertEqual(status, 400, body)
        status, body = self.post(TRANSLATE, json.dumps(
            {"model": "none", "texts": [{"text": TEXT}]}).encode())
        self.assertEqual(status, 404, body)

    @edge.needs_peers
    def test_clients_of_other_makers(self):
        """grpcio of today, and gRPC-web by sonora."""
        run = subprocess.run(
            [edge.VENV_PYTHON, PEERS, self.edge.address,
             self.edge.certificate, self.edge.descriptor, TEXT],
            capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "PYTHONPATH": "",
                 "SSL_CERT_FILE": self.edge.certificate})
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        answers = json.loads(run.stdout)
        self.assertEqual(answers["grpc"], self.expected)
        self.assertEqual(answers["grpc-web"], self.expected)
        self.assertIn("options.beam_size", answers["grpc-web-error"])

    def test_health_of_the_whole(self):
        self.assertEqual(
            subprocess.run(
                [os.path.join(harness.BIN, "peregrine"), "health", "--tls",
                 f"--tls-ca={self.edge.certificate}",
                 f"--address={self.edge.address}"],
                capture_output=True, timeout=60, check=False).stdout,
            b"SERVING\n")

    def test_nothing_else_gets_through(self):
        admin = admin_pb2_grpc.AdminServiceStub(self.channel)
        with self.assertRaises(grpc.RpcError) as raised:
            admin.Drain(admin_pb2.DrainRequest(), timeout=30)
        self.assertEqual(raised.exception.code(),
                         grpc.StatusCode.UNIMPLEMENTED)
        self.assertEqual(self.post("/metrics", b"")[0], 404)
        self.assertEqual(self.post("/page", b"")[0], 404)

    def test_requests_over_the_limits(self):
        status, _ = self.post(TRANSLATE, b'{"model": "' + b"x" * 5_000_000 +
                              b'"}')
        self.assertEqual(status, 413)
        with self.assertRaises(grpc.RpcError) as raised:
            self.stub.Translate(
                pb.TranslateRequest(texts=[pb.Text(text="x" * 5_000_000)]),
                timeout=harness.CALL_SECONDS)
        self.assertIn(raised.exception.code(),
                      (grpc.StatusCode.RESOURCE_EXHAUSTED,
                       grpc.StatusCode.INVALID_ARGUMENT,
                       grpc.StatusCode.UNKNOWN))

    def test_headers_are_refused_by_the_edge_never_by_the_servers(self):
        """Theirs is the larger limit, however the bytes are spread."""
        def call(*metadata):
            try:
                self.stub.Translate(
                    pb.TranslateRequest(texts=[pb.Text(text=TEXT)]),
                    metadata=metadata, timeout=harness.CALL_SECONDS)
                return "ok"
            except grpc.RpcError as error:
                return error.details()
        few = [call(("x-long", "x" * size))
               for size in (3000, *range(4000, 9500, 250), 20_000)]
        many = [call(*((f"x-{i}", "x" * size) for i in range(count)))
                for count in (10, 20, 30, 40, 60) for size in (50, 100, 150)]
        for outcomes in (few, many):
            self.assertEqual(outcomes[0], "ok")
            self.assertNotEqual(outcomes[-1], "ok")
        for outcome in few + many:
            # What gRPC says of blocks over its limit.
            self.assertNotIn("metadata size", outcome)
            self.assertNotIn("Missing :", outcome)

    def call_in_trace(self, trace):
        self.stub.Translate(
            pb.TranslateRequest(texts=[pb.Text(text=TEXT)]),
            metadata=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01")],
            timeout=harness.CALL_SECONDS)

    def test_calls_are_logged_without_their_texts(self):
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        self.call_in_trace(trace)
        lines = self.await_found(
            lambda: [line for line in self.edge.access_log()
                     if line.get("trace_id") == trace])
        self.assertEqual(len(lines), 1)
        self.assertEqual(lines[0]["path"], TRANSLATE)
        self.assertEqual(lines[0]["grpc_status"], "OK")
        self.assertIn(lines[0]["server"],
                      [server.address for server in self.servers])
        self.assertNotIn(TEXT, self.edge.log())

    def test_traces_join_the_caller_the_edge_and_the_server(self):
        """The parent of the server's span is a span of Envoy's, in the trace
        that the caller named."""
        trace = "0af7651916cd43dd8448eb211c80319c"
        self.call_in_trace(trace)
        (line,) = self.await_found(
            lambda: [json.loads(line) for server in self.servers
                     for line in server.log().splitlines()
                     if line.startswith("{") and trace in line])
        self.assertNotEqual(line["parent_id"], "00f067aa0ba902b7")
        for identity in (trace, line["parent_id"], "00f067aa0ba902b7"):
            self.await_found(lambda wanted=bytes.fromhex(identity):
                             wanted in self.collector.received)

    def test_draining(self):
        """Of an edge of its own: no more new clients, and old ones leave."""
        with edge.Edge(self.servers) as draining:
            with draining.channel() as channel:
                stub = translation_pb2_grpc.TranslationServiceStub(channel)
                stub.ListModels(pb.ListModelsRequest(), timeout=30)
                run = subprocess.run(
                    [os.path.join(edge.CONFIG_DIR, "drain"), "0"],
                    env={**os.environ,
                         "EDGE_ADMIN_PORT": str(draining.admin_port)},
                    capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual(run.stdout.count("200 OK"), 2, run)
                with self.assertRaises(urllib.error.HTTPError):
                    urllib.request.urlopen(draining.statistics_url + "/ready",
                                           timeout=10)
                stub.ListModels(pb.ListModelsRequest(), timeout=30)

    def test_nobody_pings_more_often_than_servers_allow(self):
        """They close such connections, with the calls on them."""
        def seconds(program, flag, *subcommand):
            told = subprocess.run(
                [os.path.join(harness.BIN, program), *subcommand, "--help"],
                capture_output=True, text=True, timeout=60, check=True).stdout
            return int(re.search(flag + r" DURATION=(\d+)s", told)[1])
        allowed = seconds("peregrine-server", "--min-ping-interval")
        (cluster,) = [
            one for one in edge.load("envoy.yaml")["static_resources"][
                "clusters"] if one["name"] == "peregrine"]
        (options,) = cluster["typed_extension_protocol_options"].values()
        keepalive = options["explicit_http_config"]["http2_protocol_options"][
            "connection_keepalive"]
        self.assertGreater(int(keepalive["interval"].rstrip("s")), allowed)
        self.assertGreater(seconds("peregrine", "--keepalive", "health"),
                           allowed)

    def test_metrics_and_readiness(self):
        with urllib.request.urlopen(self.edge.statistics_url + "/ready",
                                    timeout=10) as reply:
            self.assertEqual(reply.read().strip(), b"LIVE")
        with urllib.request.urlopen(self.edge.statistics_url + "/metrics",
                                    timeout=10) as reply:
            self.assertIn(b"envoy_cluster_membership_healthy", reply.read())
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(self.edge.statistics_url + "/quitquitquit",
                                   data=b"", timeout=10)


if __name__ == "__main__":
    unittest.main()
