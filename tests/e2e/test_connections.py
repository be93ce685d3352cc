"""Connections without end, idle ones, silent ones: what they may cost."""

import socket
import time
import unittest

import grpc
import harness
from harness import best, pb
from peregrine.v1 import translation_pb2_grpc

# What a client of HTTP/2 begins with: its preface and an empty SETTINGS frame.
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
# Of one idle connection in the server; seen: 16 KiB.
MAX_CONNECTION_BYTES = 100_000


class ConnectionsTest(unittest.TestCase):

    def start(self, *flags, **places):
        server = harness.Server("--workers=1", *flags, **places)
        self.addCleanup(server.stop)
        self.expected = best(server.translate("The house is small."))
        return server

    def connect(self, server, greeting=GREETING):
        host, port = server.address.split(":")
        connection = socket.create_connection((host, int(port)), timeout=30)
        self.addCleanup(connection.close)
        connection.sendall(greeting)
        return connection

    def is_closed(self, connection):
        """Once it is, or once nothing more comes for the time-out."""
        try:
            while connection.recv(4096):
                pass
            return True
        except ConnectionError:
            return True
        except socket.timeout:
            return False

    def assert_serves(self, server):
        self.assertEqual(best(server.translate("The house is small.")),
                         self.expected)

    def assert_serves_a_newcomer(self, server):
        """Within the time that freed places take to be seen."""
        with grpc.insecure_channel(
                server.address,
                options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = translation_pb2_grpc.TranslationServiceStub(channel)
            stub.ListModels(pb.ListModelsRequest(), wait_for_ready=True,
                            timeout=30)

    def await_metric(self, server, name, matches):
        end = time.monotonic() + 30
        while not matches(server.metric(name)):
            self.assertLess(time.monotonic(), end,
                            f"{name} is {server.metric(name)}")
            time.sleep(0.05)

    def test_a_thousand_idle_connections(self):
        server = self.start()
        before = server.metric("process_resident_memory_bytes")
        idle = [self.connect(server) for _ in range(1000)]
        self.await_metric(server, "peregrine_connections",
                          lambda open: open == 1001)
        for connection in idle:  # the server's own SETTINGS: it has them all
            self.assertTrue(connection.recv(9))
        growth = server.metric("process_resident_memory_bytes") - before
        print(f"{growth / len(idle) / 1024:.0f} KiB a connection ", end="")
        self.assertLess(growth, len(idle) * MAX_CONNECTION_BYTES)
        self.assert_serves(server)
        self.assert_serves_a_newcomer(server)
        for connection in idle:
            connection.close()
        self.await_metric(server, "peregrine_connections",
                          lambda open: open <= 2)
        self.assertEqual(
            server.metric("peregrine_refused_connections_total"), 0)

    def test_connections_beyond_the_limit_are_closed(self):
        server = self.start("--max-connections=20")
        self.assertEqual(server.metric("peregrine_max_connections"), 20)
        idle = [self.connect(server) for _ in range(19)]
        for connection in idle:
            self.assertTrue(connection.recv(9))
        for _ in range(3):
            self.assertTrue(self.is_closed(self.connect(server, b"")))
        self.assertEqual(
            server.metric("peregrine_refused_connections_total"), 3)
        self.assert_serves(server)
        for connection in idle:
            connection.close()
        self.assert_serves_a_newcomer(server)

    def test_one_address_cannot_take_all_places(self):
        server = self.start("--max-connections-per-address=10")
        mine = [self.connect(server) for _ in range(9)]
        for connection in mine:
            self.assertTrue(connection.recv(9))
        self.assertTrue(self.is_closed(self.connect(server, b"")))
        port = int(server.address.split(":")[1])
        other = socket.create_connection(("127.0.0.1", port), timeout=30,
                                         source_address=("127.0.0.2", 0))
        self.addCleanup(other.close)
        other.sendall(GREETING)
        self.assertTrue(other.recv(9))
        self.assert_serves(server)
        mine.pop().close()
        self.assert_serves_a_newcomer(server)

    # What gRPC's own listener does not survive.
    def test_more_connections_than_there_may_be_files(self):
        server = self.start(launcher=("prlimit", "--nofile=80:80", "--"))
        self.assertIn("--max-connections: 40 instead of 4096", server.log())
        flood = [self.connect(server, b"") for _ in range(200)]
        self.await_metric(server, "peregrine_refused_connections_total",
                          lambda refused: refused >= 161)
        self.assert_serves(server)
        for connection in flood:
            connection.close()
        self.assert_serves_a_newcomer(server)

    def test_silent_connections_are_closed(self):
        server = self.start("--keepalive-timeout=1s")
        silent = self.connect(server, b"")
        self.assertTrue(self.is_closed(silent))
        self.assert_serves(server)

    def test_idle_connections_are_closed(self):
        server = self.start("--max-connection-idle=1s")
        self.assertTrue(self.is_closed(self.connect(server)))
        self.assert_serves(server)  # whose own was closed, too


if __name__ == "__main__":
    unittest.main()
