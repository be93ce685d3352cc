"""What an orchestrator relies on: probes, stops, restarts, and health that is
true. And what a server does when somebody means it ill."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import grpc
import harness
import health_pb2
import health_pb2_grpc
from google.rpc import error_details_pb2
from harness import best, pb
from peregrine.v1 import admin_pb2, admin_pb2_grpc, translation_pb2_grpc

SERVICE_CONFIG = os.path.join(harness.SOURCE_DIR, "proto", "peregrine", "v1",
                              "service_config.json")
TEXT = "The house is small."


def probe(address, page):
    """Code and body of a page of the metrics address."""
    try:
        with urllib.request.urlopen(f"http://{address}/{page}",
                                    timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def await_probe(address, page, code):
    """Until the page answers with the code; what it then says."""
    end = time.monotonic() + harness.START_SECONDS
    while time.monotonic() < end:
        try:
            found, body = probe(address, page)
            if found == code:
                return body
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{page} never answered {code}")


def health(server, name):
    return health_pb2_grpc.HealthStub(server.channel).Check(
        health_pb2.HealthCheckRequest(service=name), timeout=10).status


SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def await_queue(test, server, call):
    """Until sentences of the call wait: it is accepted, and not yet done."""
    while server.metric("peregrine_queue_sentences") == 0:
        test.assertFalse(call.done())
        time.sleep(0.002)


class LoadingServer:
    """A server whose model takes long to load; not a harness.Server, which
    waits until it serves."""

    def __init__(self, milliseconds, *flags):
        self.metrics_address = f"127.0.0.1:{harness.free_port()}"
        self.process = subprocess.Popen(
            [os.path.join(harness.BIN, "soak-server"),
             f"--model={harness.MODEL_DIR}", "--listen=127.0.0.1:0",
             f"--metrics-listen={self.metrics_address}", "--workers=1",
             *flags],
            env=dict(os.environ,
                     PEREGRINE_FAULT_LOAD_MILLISECONDS=str(milliseconds)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()


class ProbeTest(unittest.TestCase):

    def test_loading_is_told_from_hanging_and_from_being_ready(self):
        with LoadingServer(3000) as server:
            self.assertEqual(await_probe(server.metrics_address, "livez", 200),
                             "alive\n")
            self.assertEqual(probe(server.metrics_address, "readyz"),
                             (503, "loading models\n"))
            self.assertIn("peregrine_ready 0",
                          probe(server.metrics_address, "metrics")[1])
            self.assertEqual(await_probe(server.metrics_address, "readyz",
                                         200), "ready\n")
            self.assertIn("peregrine_ready 1",
                          probe(server.metrics_address, "metrics")[1])

    def test_draining_is_not_ready(self):
        with harness.Server("--workers=1") as server:
            text = "The house is small. " * 400
            call = server.stub.Translate.future(
                pb.TranslateRequest(texts=[pb.Text(text=text)]), timeout=60)
            await_queue(self, server, call)
            server.terminate()
            self.assertEqual(await_probe(server.metrics_address, "readyz",
                                         503), "draining\n")
            self.assertEqual(probe(server.metrics_address, "livez")[0], 200)
            call.result()

    def test_a_model_that_lost_all_workers_is_not_served(self):
        with harness.Server("--workers=1", binary="soak-server",
                            models=(harness.MODEL_DIR,
                                    f"two={harness.MODEL_DIR}"),
                            environment={"PEREGRINE_FAULT_LOSE_DEVICE": "1"},
                            ) as server:
            def lose(model):
                with self.assertRaises(grpc.RpcError) as raised:
                    server.translate(TEXT, model=model)
                self.assertEqual(raised.exception.code(),
                                 grpc.StatusCode.UNAVAILABLE)
                name = f"{harness.SERVICE}/{model}"
                end = time.monotonic() + 30
                while health(server, name) != NOT_SERVING:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.05)
                self.assertEqual(
                    server.metric("peregrine_workers", model=model), 0)

            name = f"{harness.SERVICE}/{harness.MODEL}"
            self.assertEqual(health(server, name), SERVING)
            lose("two")
            self.assertEqual(health(server, name), SERVING)
            self.assertEqual(health(server, harness.SERVICE), SERVING)
            self.assertEqual(probe(server.metrics_address, "readyz")[0], 200)
            self.assertEqual(
                probe(server.metrics_address, "livez"),
                (503, "no worker is left for model two\n"))
            lose(harness.MODEL)
            self.assertEqual(health(server, harness.SERVICE), NOT_SERVING)
            self.assertEqual(health(server, ""), NOT_SERVING)
            self.assertEqual(probe(server.metrics_address, "readyz")[0], 503)
            with self.assertRaises(grpc.RpcError) as raised:
                server.translate(TEXT, model="two")
            self.assertIn("no worker is left", raised.exception.details())

    def test_silent_connections_do_not_hide_the_pages(self):
        with harness.Server("--workers=1") as server:
            host, port = server.metrics_address.rsplit(":", 1)
            silent = [socket.create_connection((host, int(port)))
                      for _ in range(200)]
            for page in ("livez", "readyz", "metrics"):
                self.assertEqual(probe(server.metrics_address, page)[0], 200)
            for connection in silent:
                connection.close()


class StopTest(unittest.TestCase):

    def test_signals_end_it_while_models_load(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with LoadingServer(600_000) as server:
                await_probe(server.metrics_address, "livez", 200)
                server.process.send_signal(number)
                self.assertEqual(server.process.wait(timeout=20), 0)

    def test_sigterm_is_idempotent_after_a_drain_by_the_admin_service(self):
        server = harness.Server("--workers=1", "--admin-listen=127.0.0.1:0")
        text = "The house is small. " * 400
        call = server.stub.Translate.future(
            pb.TranslateRequest(texts=[pb.Text(text=text)]), timeout=60)
        await_queue(self, server, call)
        with server.connect(server.admin_address) as channel:
            admin_pb2_grpc.AdminServiceStub(channel).Drain(
                admin_pb2.DrainRequest(), timeout=10)
        for _ in range(5):
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.02)
        server.process.send_signal(signal.SIGHUP)
        self.assertNotEqual(best(call.result()), "")
        self.assertEqual(server.stop(), 0)

    def test_only_a_second_interrupt_forces(self):
        server = harness.Server("--workers=1", "--drain-timeout=60s")
        call = server.stub.Translate.future(
            pb.TranslateRequest(texts=[pb.Text(text="The house. " * 3000)]),
            timeout=60)
        await_queue(self, server, call)
        server.process.send_signal(signal.SIGINT)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(server.process.poll(), "SIGTERM forced it")
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.process.wait(timeout=20), 128 + signal.SIGINT)
        call.cancel()

    def test_a_model_that_could_hang_is_refused_unopened(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkfifo(os.path.join(folder, "model.safetensors"))
            server = harness.Server("--workers=1",
                                    "--admin-listen=127.0.0.1:0")
            with server.connect(server.admin_address) as channel:
                with self.assertRaises(grpc.RpcError) as raised:
                    admin_pb2_grpc.AdminServiceStub(channel).LoadModel(
                        admin_pb2.LoadModelRequest(directory=folder),
                        timeout=20)
            self.assertEqual(raised.exception.code(),
                             grpc.StatusCode.INVALID_ARGUMENT)
            self.assertIn("special file", raised.exception.details())
            self.assertEqual(server.stop(), 0)

    def test_a_log_that_nobody_reads_stops_nothing(self):
        read, write = os.pipe()
        server = harness.Server("--workers=1", "--log-requests", log=write)
        os.close(write)
        try:
            expected = best(server.translate(TEXT))
            # A pipe holds 64 KiB, of which each line takes more than 100.
            for _ in range(800):
                server.stub.ListModels(pb.ListModelsRequest(), timeout=30)
            self.assertEqual(best(server.translate(TEXT)), expected)
            self.assertEqual(server.stop(), 0)
        finally:
            os.close(read)


class RollingRestartTest(unittest.TestCase):

    def test_no_call_of_300_ms_is_lost(self):
        ports = [harness.free_port() for _ in range(2)]
        servers = [self.start(port) for port in ports]
        with open(SERVICE_CONFIG, encoding="utf-8") as file:
            config = file.read()
        addresses = ",".join(server.address for server in servers)
        channel = grpc.insecure_channel(
            f"ipv4:{addresses}",
            options=[("grpc.service_config", config),
                     # Python's own default is to wait for a second and more.
                     ("grpc.initial_reconnect_backoff_ms", 100),
                     ("grpc.max_reconnect_backoff_ms", 500)])
        stub = translation_pb2_grpc.TranslationServiceStub(channel)
        stop = threading.Event()
        outcomes = []

        def call():
            while not stop.is_set():
                try:
                    stub.ListModels(pb.ListModelsRequest(), timeout=0.3)
                    outcomes.append("ok")
                except grpc.RpcError as error:
                    outcomes.append(f"{error.code()}: {error.details()}")
                time.sleep(0.005)

        for server in servers:
            self.await_called(server, lambda: stub.ListModels(
                pb.ListModelsRequest(), timeout=20))
        callers = [threading.Thread(target=call) for _ in range(4)]
        for caller in callers:
            caller.start()
        for i in range(2):
            self.assertEqual(servers[i].stop(), 0)
            time.sleep(0.5)
            servers[i] = self.start(ports[i])
            # An orchestrator goes on when the new one is ready and known.
            self.await_called(servers[i], lambda: time.sleep(0.05))
        stop.set()
        for caller in callers:
            caller.join()
        channel.close()
        for server in servers:
            server.stop()
        self.assertGreater(len(outcomes), 200)
        self.assertEqual(set(outcomes), {"ok"},
                         [o for o in outcomes if o != "ok"][:5])

    @staticmethod
    def start(port):
        return harness.Server("--workers=1", listen=f"127.0.0.1:{port}")

    def await_called(self, server, meanwhile):
        """Until the server has had calls."""
        end = time.monotonic() + 60
        while server.metric("peregrine_calls_total", method="ListModels") < 5:
            self.assertLess(time.monotonic(), end, "nobody calls it")
            meanwhile()


class HostileTest(unittest.TestCase):

    def test_too_little_memory_is_told_before_the_start(self):
        run = subprocess.run(
            harness.server_command("--max-memory-mib=100"),
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 1)
        found = re.search(r"--max-memory-mib: found 100, needed at least "
                          r"(\d+): .* \(--max-connection-bytes\) .* "
                          r"\(--max-open-calls\)", run.stderr)
        self.assertIsNotNone(found, run.stderr)
        # What it says is enough is so.
        with harness.Server("--workers=1",
                            f"--max-memory-mib={found[1]}") as server:
            self.assertNotEqual(best(server.translate(TEXT)), "")

    def test_a_gzip_bomb_takes_no_memory(self):
        with harness.Server("--workers=1") as server:
            channel = grpc.insecure_channel(
                server.address, compression=grpc.Compression.Gzip,
                options=[("grpc.max_send_message_length", -1),
                         ("grpc.enable_retries", 0)])
            translate = channel.unary_unary(
                f"/{harness.SERVICE}/Translate",
                request_serializer=lambda data: data,
                response_deserializer=pb.TranslateResponse.FromString)
            request = pb.TranslateRequest(
                texts=[pb.Text(text=TEXT + " " * 200)]).SerializeToString()
            self.assertNotEqual(best(translate(request, timeout=30)), "")
            before = server.metric("process_resident_memory_bytes")
            with self.assertRaises(grpc.RpcError) as raised:
                translate(bytes(256 << 20), timeout=60)
            self.assertEqual(raised.exception.code(),
                             grpc.StatusCode.INVALID_ARGUMENT)
            self.assertIn("when inflated", raised.exception.details())
            channel.close()
            after = server.metric("process_resident_memory_bytes")
            print(f"  256 MiB of zeros: {(after - before) / 2**20:.1f} MiB")
            self.assertLess(after - before, 32 << 20)

    def test_a_gzip_bomb_before_the_token_takes_no_memory(self):
        with tempfile.TemporaryDirectory() as folder:
            tokens = os.path.join(folder, "tokens")
            with open(tokens, "w", encoding="utf-8") as file:
                file.write("team " + "0" * 64 + " admin\n")
            with harness.Server("--workers=1", f"--token-file={tokens}",
                                "--admin-listen=127.0.0.1:0") as server:
                before = server.metric("process_resident_memory_bytes")
                for address, method in (
                        (server.address,
                         "peregrine.v1.TranslationService/Translate"),
                        (server.address,
                         "peregrine.v1.TranslationService/GetModel"),
                        (server.admin_address,
                         "peregrine.v1.AdminService/LoadModel"),
                        (server.address, "grpc.health.v1.Health/Check")):
                    channel = grpc.insecure_channel(
                        address, compression=grpc.Compression.Gzip,
                        options=[("grpc.max_send_message_length", -1),
                                 ("grpc.enable_retries", 0)])
                    with self.assertRaises(grpc.RpcError):
                        channel.unary_unary(f"/{method}")(bytes(256 << 20),
                                                          timeout=60)
                    channel.close()
                after = server.metric("process_resident_memory_bytes")
                print(f"  four of them: {(after - before) / 2**20:.1f} MiB")
                self.assertLess(after - before, 32 << 20)

    def test_calls_without_messages_cost_the_attacker(self):
        """Which the server never sees: gRPC waits for the messages. 100,000
        of them would take 1.7 GB."""
        with harness.Server("--workers=1") as server:
            server.translate(TEXT)
            start = server.metric("process_resident_memory_bytes")
        limit = int(start / 2**20) + 150
        with harness.Server("--workers=1", f"--max-memory-mib={limit}",
                            f"--max-connection-bytes={100 << 20}",
                            "--max-open-calls=1024") as server:
            expected = best(server.translate(TEXT))
            attack = subprocess.Popen(
                [sys.executable, "-B",
                 os.path.join(os.path.dirname(__file__), "http2_attacks.py"),
                 server.address.split(":")[1], "idle_streams", "5"],
                stdout=subprocess.DEVNULL)
            most, answers = 0, []
            while attack.poll() is None:
                answers.append(best(server.translate(TEXT)))
                most = max(most, server.metric(
                    "process_resident_memory_bytes"))
            print(f"  {len(answers)} calls answered beside it, at most "
                  f"{most / 2**20:.0f} MiB of {limit} allowed; "
                  f"{server.metric('peregrine_shed_connections_total'):.0f} "
                  "connections shut down")
            self.assertEqual(set(answers), {expected})
            self.assertGreater(
                server.metric("peregrine_shed_connections_total"), 0)
            self.assertLess(most, (limit + 300) << 20)

    def test_strangers_cannot_flood_the_log(self):
        with harness.Server("--workers=1") as server:
            host, port = server.address.rsplit(":", 1)
            for _ in range(3000):
                stranger = socket.create_connection((host, int(port)))
                stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                # With a reset in place of an orderly end.
                stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
                stranger.close()
            time.sleep(1.5)
            for _ in range(20):  # the next line tells what was left out
                stranger = socket.create_connection((host, int(port)))
                stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                stranger.close()
            server.translate(TEXT)
            time.sleep(0.5)
            lines = [line for line in server.log().splitlines()
                     if "grpc: " in line]
            print(f"  3020 strangers: {len(lines)} lines")
            self.assertLess(len(lines), 300)
            if len(lines) > 10:
                self.assertIn("127.0.0.1", "".join(
                    line for line in lines if "left out" in line))

    def test_calls_are_bounded(self):
        with harness.Server("--workers=1", "--max-open-calls=20",
                            "--max-concurrent-streams=100") as server:
            done = threading.Event()

            def requests():
                done.wait(60)
                yield from ()

            streams = [server.stub.TranslateStream(requests())
                       for _ in range(20)]
            end = time.monotonic() + 30
            while server.metric("peregrine_streams_in_flight") < 20:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
            with self.assertRaises(grpc.RpcError) as raised:
                server.translate(TEXT)
            self.assertEqual(raised.exception.code(),
                             grpc.StatusCode.RESOURCE_EXHAUSTED)
            self.assertIsNotNone(harness.detail(raised.exception,
                                                error_details_pb2.RetryInfo))
            self.assertEqual(server.metric("peregrine_refusals_total",
                                           reason="too_many_calls"), 1)
            done.set()
            for stream in streams:
                list(stream)
            server.translate(TEXT)


if __name__ == "__main__":
    unittest.main()
