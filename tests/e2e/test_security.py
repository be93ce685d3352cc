"""Encryption, certificates and tokens, with openssl's own of each."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import grpc
import harness
from google.rpc import error_details_pb2
from harness import best, pb
from peregrine.v1 import admin_pb2, admin_pb2_grpc
from peregrine.v1 import translation_pb2_grpc

# The server looks at its files once a second in these tests.
RELOAD_SECONDS = 15


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """Signs certificates into a folder."""

    def __init__(self, folder, name):
        self._folder = folder
        self.certificate = self.path(f"{name}.pem")
        self._key = self.path(f"{name}.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", self._key,
                "-out", self.certificate)

    def path(self, name):
        return os.path.join(self._folder, name)

    def sign(self, name, common_name):
        """Writes NAME.pem and NAME.key."""
        request = self.path(f"{name}.csr")
        extension = self.path(f"{name}.ext")
        with open(extension, "w", encoding="ascii") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                f"/CN={common_name}", "-keyout", self.path(f"{name}.key"),
                "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate,
                "-CAkey", self._key, "-CAcreateserial", "-days", "2",
                "-extfile", extension, "-out", self.path(f"{name}.pem"))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def replace(path, data):
    """Puts new contents in place at once."""
    with open(path + ".part", "wb") as file:
        file.write(data)
    os.replace(path + ".part", path)


class SecurityTestCase(unittest.TestCase):

    def setUp(self):
        if shutil.which("openssl") is None:
            self.skipTest("openssl is not installed")
        folder = tempfile.TemporaryDirectory(prefix="peregrine-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.authority = Authority(self.folder, "authority")
        self.authority.sign("server", "localhost")

    def path(self, name):
        return os.path.join(self.folder, name)

    def tls_flags(self, mutual=False):
        flags = [f"--tls-certificate={self.path('server.pem')}",
                 f"--tls-key={self.path('server.key')}", "--tls-refresh=1s",
                 "--workers=1"]
        if mutual:
            flags.append(f"--tls-client-ca={self.authority.certificate}")
        return flags

    def stub(self, server, authority=None, client=None):
        """Over a new connection that trusts the authority."""
        key = chain = None
        if client is not None:
            key = read(self.path(f"{client}.key"))
            chain = read(self.path(f"{client}.pem"))
        channel = grpc.secure_channel(
            server.address,
            grpc.ssl_channel_credentials(
                read((authority or self.authority).certificate), key, chain),
            options=[("grpc.enable_retries", 0),
                     ("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(channel.close)
        return translation_pb2_grpc.TranslationServiceStub(channel)

    def translate(self, stub, metadata=()):
        return best(stub.Translate(
            pb.TranslateRequest(texts=[pb.Text(text="The house is small.")]),
            timeout=20, metadata=metadata))

    def refused(self, stub, metadata=()):
        with self.assertRaises(grpc.RpcError) as raised:
            self.translate(stub, metadata)
        return raised.exception

    def await_true(self, condition):
        end = time.monotonic() + RELOAD_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end, "the change went unseen")
            time.sleep(0.2)


class TlsTest(SecurityTestCase):

    def works(self, stub):
        try:
            self.translate(stub)
            return True
        except grpc.RpcError:
            return False

    def test_only_encrypted_and_only_for_who_trusts_the_authority(self):
        with harness.Server(*self.tls_flags()) as server:
            self.assertNotEqual(self.translate(self.stub(server)), "")
            with self.assertRaises(grpc.RpcError) as raised:
                server.translate("The house is small.", timeout=5)
            self.assertEqual(raised.exception.code(),
                             grpc.StatusCode.UNAVAILABLE)
            other = Authority(self.folder, "other")
            self.assertEqual(self.refused(self.stub(server, other)).code(),
                             grpc.StatusCode.UNAVAILABLE)

    def test_a_new_certificate_is_taken_without_a_restart(self):
        with harness.Server(*self.tls_flags()) as server:
            old = self.stub(server)
            self.translate(old)
            other = Authority(self.folder, "other")
            other.sign("next", "localhost")
            replace(self.path("server.key"), read(self.path("next.key")))
            replace(self.path("server.pem"), read(self.path("next.pem")))
            self.await_true(lambda: self.works(self.stub(server, other)))
            self.translate(old)  # the connection that there is goes on
            self.assertFalse(self.works(self.stub(server)))

    def test_mutual(self):
        self.authority.sign("client", "team-a")
        stranger = Authority(self.folder, "stranger")
        stranger.sign("forged", "team-a")
        with harness.Server(*self.tls_flags(mutual=True)) as server:
            self.translate(self.stub(server, client="client"))
            for client in (None, "forged"):
                self.assertEqual(
                    self.refused(self.stub(server, client=client)).code(),
                    grpc.StatusCode.UNAVAILABLE, client)
            # The container's health check has no certificate.
            probe = harness.client(
                server, "health", f"--metrics-address={server.metrics_address}")
            self.assertEqual((probe.returncode, probe.stdout), (0, b"ready\n"))

    def test_the_command_line_client(self):
        self.authority.sign("client", "team-a")
        own = [f"--tls-certificate={self.path('client.pem')}",
               f"--tls-key={self.path('client.key')}"]
        trust = ["--tls", f"--tls-ca={self.authority.certificate}"]
        text = "The house is small."
        with harness.Server(*self.tls_flags(mutual=True)) as server:
            expected = self.translate(self.stub(server, client="client"))
            run = harness.client(server, "translate", text, *trust, *own)
            self.assertEqual(run.stdout.decode(), expected + "\n", run.stderr)
            for command in (["models"], ["health"],
                            ["bench", "--duration=1s", "--warm-up=0s"]):
                run = harness.client(server, *command, *trust, *own)
                self.assertEqual(run.returncode, 0, run.stderr)
            for flags in ([], ["--tls"], trust):
                run = harness.client(server, "health", *flags)
                self.assertEqual(run.returncode, 1, flags)
                self.assertIn(b"UNAVAILABLE", run.stderr)
            for flags in ([*trust, own[0]], own, ["--tls", "--tls-ca=/none"]):
                run = harness.client(server, "health", *flags)
                self.assertEqual(run.returncode, 2, flags)

    def test_wrong_files_are_start_errors(self):
        self.authority.sign("next", "localhost")
        for flags, words in (
                ([f"--tls-certificate={self.path('server.pem')}",
                  f"--tls-key={self.path('next.key')}"],
                 "is not the key of the certificate"),
                ([f"--tls-certificate={self.path('server.pem')}",
                  f"--tls-key={self.path('server.pem')}"],
                 "found no private key"),
                (["--token-file=/nonexistent/tokens"], "/nonexistent/tokens")):
            run = subprocess.run(harness.server_command(*flags),
                                 capture_output=True, timeout=60, check=False)
            self.assertEqual(run.returncode, 1, run.stderr)
            self.assertIn(words, run.stderr.decode())


def line(name, token, *settings):
    digest = hashlib.sha256(token.encode()).hexdigest()
    return " ".join((name, digest, *settings)) + "\n"


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


class TokensTest(SecurityTestCase):

    def setUp(self):
        super().setUp()
        self.tokens = self.path("tokens")
        replace(self.tokens, (line("team-a", "alpha")
                              + line("slow", "snail", "requests-per-second=1")
                              + line("operator", "omega", "admin")).encode())
        self.server = harness.Server(
            f"--token-file={self.tokens}", "--admin-listen=127.0.0.1:0",
            "--workers=1")
        self.addCleanup(self.server.stop)

    def test_a_known_token_is_needed_for_every_method(self):
        stub = self.server.stub
        self.assertNotEqual(self.translate(stub, bearer("alpha")), "")
        unauthenticated = grpc.StatusCode.UNAUTHENTICATED
        for metadata in ((), bearer("beta"), bearer(""),
                         (("authorization", "alpha"),),
                         (("authorization", "Basic alpha"),)):
            self.assertEqual(self.refused(stub, metadata).code(),
                             unauthenticated, metadata)
        for call in (
                lambda: stub.ListModels(pb.ListModelsRequest()),
                lambda: stub.GetModel(pb.GetModelRequest()),
                lambda: stub.TranslateTokens(pb.TranslateTokensRequest()),
                lambda: list(stub.TranslateStream(iter(())))):
            with self.assertRaises(grpc.RpcError) as raised:
                call()
            self.assertEqual(raised.exception.code(), unauthenticated)
        stub.ListModels(pb.ListModelsRequest(), metadata=bearer("alpha"))

    def test_the_command_line_client(self):
        token = self.path("token")
        replace(token, b"alpha\n")
        text = "The house is small."
        expected = self.translate(self.server.stub, bearer("alpha"))
        flag = f"--token-file={token}"
        for flags, environment in (([flag], {}),
                                   ([], {"PEREGRINE_TOKEN": "alpha"}),
                                   ([flag], {"PEREGRINE_TOKEN": "beta"})):
            run = harness.client(self.server, "translate", text, *flags,
                                 **environment)
            self.assertEqual(run.stdout.decode(), expected + "\n", run.stderr)
        for command in (["models"], ["health"],
                        ["bench", "--duration=1s", "--warm-up=0s"]):
            run = harness.client(self.server, *command, flag)
            self.assertEqual(run.returncode, 0, run.stderr)
        for environment in ({}, {"PEREGRINE_TOKEN": "beta"}):
            run = harness.client(self.server, "translate", text, **environment)
            self.assertEqual(run.returncode, 1)
            self.assertIn(b"UNAUTHENTICATED", run.stderr)
        replace(token, b"al pha")
        run = harness.client(self.server, "translate", text, flag)
        self.assertEqual(run.returncode, 2)
        self.assertIn(b"--token-file: found more than a token", run.stderr)
        self.assertNotIn(b"pha", run.stderr.replace(text.encode(), b""))

    def test_tokens_are_in_no_log_and_no_metric(self):
        self.translate(self.server.stub, bearer("alpha"))
        self.refused(self.server.stub, bearer("betabetabeta"))
        told = self.server.log() + "".join(self.server.metrics())
        self.assertNotIn("alpha", told)
        self.assertNotIn("betabetabeta", told)

    def test_a_changed_file_is_taken_without_a_restart(self):
        self.translate(self.server.stub, bearer("alpha"))
        replace(self.tokens, line("team-b", "beta").encode())

        def taken():
            try:
                self.translate(self.server.stub, bearer("beta"))
                return True
            except grpc.RpcError:
                return False

        self.await_true(taken)
        self.refused(self.server.stub, bearer("alpha"))
        replace(self.tokens, b"nonsense\n")
        time.sleep(1.5)
        self.translate(self.server.stub, bearer("beta"))

    def test_a_rate_of_one_does_not_slow_the_other(self):
        refusals = []
        for i in range(200):
            if i >= 10 and refusals:
                break
            try:
                self.translate(self.server.stub, bearer("snail"))
            except grpc.RpcError as error:
                refusals.append(error)
            self.translate(self.server.stub, bearer("alpha"))
        self.assertGreater(len(refusals), 0)
        for error in refusals:
            self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            info = harness.detail(error, error_details_pb2.ErrorInfo)
            self.assertEqual(info.reason, "CLIENT_LIMIT")
            self.assertIsNotNone(
                harness.detail(error, error_details_pb2.RetryInfo))
        # They are of no model, whose callers would seem to be refused.
        metrics = self.server.metrics()
        self.assertEqual([s for s in metrics if 'model=""' in s], [])
        self.assertEqual(
            self.server.metric("peregrine_requests_total",
                               outcome="resource_exhausted"), 0)
        self.assertEqual(
            self.server.metric("peregrine_refusals_total",
                               reason="client_limit"), len(refusals))
        self.assertEqual(
            self.server.metric("peregrine_client_requests_total",
                               client="slow", outcome="resource_exhausted"),
            len(refusals))

    def test_guessing_is_counted_for_every_method(self):
        admin = admin_pb2_grpc.AdminServiceStub(
            self.server.connect(self.server.admin_address))
        stub = self.server.stub
        wrong = bearer("guess")
        for call in (
                lambda: stub.ListModels(pb.ListModelsRequest(),
                                        metadata=wrong),
                lambda: stub.GetModel(pb.GetModelRequest(), metadata=wrong),
                lambda: list(stub.TranslateStream(iter(()), metadata=wrong)),
                lambda: admin.Drain(admin_pb2.DrainRequest(),
                                    metadata=wrong)):
            with self.assertRaises(grpc.RpcError):
                call()
        for method in ("ListModels", "GetModel", "TranslateStream", "Drain"):
            self.assertEqual(
                self.server.metric("peregrine_calls_total", method=method,
                                   outcome="unauthenticated"), 1, method)

    def test_a_revoked_token_ends_its_streams(self):
        """Also those whose client does not read, or only waits."""
        done = threading.Event()

        def requests(count):
            for i in range(count):
                yield pb.TranslateStreamRequest(
                    id=str(i), text=pb.Text(text="The house is small."))
            done.wait(60)

        streams = [self.server.stub.TranslateStream(
            requests(count), metadata=bearer("alpha")) for count in (0, 1, 0)]
        other = self.server.stub.TranslateStream(requests(1),
                                                 metadata=bearer("omega"))
        next(other)
        next(streams[1])
        replace(self.tokens, line("operator", "omega", "admin").encode())
        for stream in streams:
            with self.assertRaises(grpc.RpcError) as raised:
                next(stream)
            self.assertEqual(raised.exception.code(),
                             grpc.StatusCode.UNAUTHENTICATED)
        self.assertTrue(other.is_active())
        done.set()
        list(other)

    def test_streams_of_one_client_are_bounded(self):
        server = harness.Server(f"--token-file={self.tokens}", "--workers=1",
                                "--max-streams-per-client=2")
        self.addCleanup(server.stop)
        done = threading.Event()

        def requests():
            done.wait(60)
            yield from ()

        streams = [server.stub.TranslateStream(requests(),
                                               metadata=bearer("alpha"))
                   for _ in range(2)]
        self.await_true(lambda: server.metric(
            "peregrine_streams_in_flight") == 2)
        with self.assertRaises(grpc.RpcError) as raised:
            next(server.stub.TranslateStream(requests(),
                                             metadata=bearer("alpha")))
        self.assertEqual(raised.exception.code(),
                         grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.translate(server.stub, bearer("alpha"))
        other = server.stub.TranslateStream(iter(()),
                                            metadata=bearer("omega"))
        self.assertEqual(list(other), [])
        done.set()
        for stream in streams:
            list(stream)

    def test_only_the_token_that_says_so_administers(self):
        """Whatever other tokens of the same client may do."""
        replace(self.tokens, (line("team", "plain")
                              + line("team", "root", "admin")).encode())
        admin = admin_pb2_grpc.AdminServiceStub(
            self.server.connect(self.server.admin_address))

        def reload(token):
            admin.ReloadModel(admin_pb2.ReloadModelRequest(),
                              metadata=bearer(token), timeout=60)

        def works(token):
            try:
                reload(token)
                return True
            except grpc.RpcError:
                return False

        self.await_true(lambda: works("root"))
        for _ in range(3):
            with self.assertRaises(grpc.RpcError) as raised:
                reload("plain")
            self.assertEqual(raised.exception.code(),
                             grpc.StatusCode.PERMISSION_DENIED)
            reload("root")
            self.translate(self.server.stub, bearer("plain"))

    def test_what_administrators_send_is_escaped_in_the_log(self):
        admin = admin_pb2_grpc.AdminServiceStub(
            self.server.connect(self.server.admin_address))
        for directory in ("/no\nsuch\x1b[2J model", "/" + "x" * 5000):
            with self.assertRaises(grpc.RpcError):
                admin.LoadModel(
                    admin_pb2.LoadModelRequest(directory=directory),
                    metadata=bearer("omega"), timeout=60)
        log = self.server.log()
        self.assertIn("/no\\nsuch\\033[2J model", log)
        self.assertNotIn("\x1b", log)
        self.assertNotIn("x" * 1000, log)

    def test_a_flood_of_one_does_not_shut_the_other_out(self):
        """The queue is never full for who brings little."""
        flood = pb.TranslateRequest(
            texts=[pb.Text(text=t) for t in harness.english_sentences() * 4])
        server = harness.Server(
            f"--token-file={self.tokens}", "--workers=1",
            "--max-queue-sentences=200", "--max-texts-per-request=100")
        self.addCleanup(server.stop)
        calls = [server.stub.Translate.future(flood, metadata=bearer("omega"))
                 for _ in range(40)]
        answers = {self.translate(server.stub, bearer("alpha"))
                   for _ in range(10)}
        self.assertEqual(len(answers), 1)
        refused = [call for call in calls if call.exception() is not None]
        self.assertGreater(len(refused), 0, "too little for a flood")
        for call in refused:
            self.assertEqual(call.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_the_admin_service_wants_an_admin(self):
        admin = admin_pb2_grpc.AdminServiceStub(
            self.server.connect(self.server.admin_address))
        request = admin_pb2.ReloadModelRequest()
        for metadata, code in (
                ((), grpc.StatusCode.UNAUTHENTICATED),
                (bearer("alpha"), grpc.StatusCode.PERMISSION_DENIED)):
            with self.assertRaises(grpc.RpcError) as raised:
                admin.ReloadModel(request, metadata=metadata)
            self.assertEqual(raised.exception.code(), code)
        admin.ReloadModel(request, metadata=bearer("omega"), timeout=60)


if __name__ == "__main__":
    unittest.main()
