"""The server as deploy/ runs it: not as root, without capabilities, and with no
file system that it could write to."""

import functools
import os
import subprocess
import sys
import tempfile
import unittest

import harness
from harness import best, pb
from peregrine.v1 import admin_pb2, admin_pb2_grpc

NOBODY = 65534
READ_ONLY = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                         "read_only.py")


def confinement():
    """The command that runs another one so."""
    is_root = os.geteuid() == 0
    namespaces = ["--mount"] if is_root else ["--mount", "--map-root-user"]
    # Root of the namespace alone is the user that it was.
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}",
            "--clear-groups"] if is_root else []
    return ["unshare", *namespaces, "--", sys.executable, READ_ONLY,
            "setpriv", *user, "--no-new-privs", "--inh-caps=-all",
            "--bounding-set=-all", "--"]


@functools.lru_cache
def obstacle():
    """Why nothing can run so here; empty if it can."""
    server = os.path.join(harness.BIN, "peregrine-server")
    weights = os.path.join(harness.MODEL_DIR, "model.safetensors")
    try:
        tried = subprocess.run(
            [*confinement(), "test", "-x", server, "-a", "-r", weights],
            capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    if tried.returncode == 0:
        return ""
    return tried.stderr.strip() or f"{server} or the model is not for all"


class ConfinementTest(unittest.TestCase):

    def setUp(self):
        if obstacle():
            self.skipTest(obstacle())

    def status(self, server):
        """What the kernel says of the process."""
        with open(f"/proc/{server.process.pid}/status",
                  encoding="utf-8") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file)

    def test_serves_reloads_and_drains(self):
        server = harness.Server("--admin-listen=127.0.0.1:0", "--log-requests",
                                launcher=confinement())
        self.addCleanup(server.stop)
        status = self.status(server)
        self.assertNotIn("0", status["Uid"].split())
        self.assertEqual(int(status["CapEff"], 16), 0)
        self.assertEqual(status["NoNewPrivs"], "1")

        expected = best(server.translate("The house is small."))
        admin = admin_pb2_grpc.AdminServiceStub(
            server.connect(server.admin_address))
        admin.ReloadModel(admin_pb2.ReloadModelRequest(name=harness.MODEL),
                          timeout=60)
        (answer,) = server.stub.TranslateStream(iter([pb.TranslateStreamRequest(
            text=pb.Text(text="The house is small."))]), timeout=60)
        self.assertEqual(answer.translation.hypotheses[0].text, expected)
        self.assertEqual(
            server.metric("peregrine_requests_total", outcome="ok"), 2)
        self.assertEqual(server.stop(), 0)

    # So the test above would fail if it had to write anywhere.
    def test_a_server_that_writes_does_not_start(self):
        with tempfile.TemporaryDirectory(prefix="peregrine-e2e-") as folder:
            os.chmod(folder, 0o777)
            path = os.path.join(folder, "ports")
            run = subprocess.run(
                [*confinement(), *harness.server_command(f"--port-file={path}")],
                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn(f"--port-file: cannot write {path}", run.stderr)


if __name__ == "__main__":
    unittest.main()
