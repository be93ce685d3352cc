"""The real Envoy with the configuration of deploy/envoy, before real servers.

Only places are changed: addresses, ports, the folder /etc/envoy.
scripts/edge-env installs Envoy; PEREGRINE_ENVOY names another one.
"""

import copy
import glob
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.request

import grpc
import yaml

import harness

CONFIG_DIR = os.path.join(harness.SOURCE_DIR, "deploy", "envoy")
VENV = os.path.join(harness.SOURCE_DIR, ".cache", "edge-venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")


def find_envoy():
    named = os.environ.get("PEREGRINE_ENVOY")
    if named:
        return named
    found = glob.glob(os.path.join(
        VENV, "lib", "python*", "site-packages", "envoy", "_bin", "envoy"))
    return found[0] if found else shutil.which("envoy")


ENVOY = find_envoy()
needs_envoy = unittest.skipUnless(
    ENVOY, "Envoy is missing: run scripts/edge-env")
needs_peers = unittest.skipUnless(
    os.path.exists(VENV_PYTHON),
    "its clients are missing: run scripts/edge-env")


def write_descriptor(path):
    """As the Dockerfile makes it."""
    subprocess.run(
        [os.path.join(harness.SOURCE_DIR, "scripts", "descriptor"), path],
        check=True, timeout=60)


def load(name):
    with open(os.path.join(CONFIG_DIR, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


def place(config, folder):
    """Files of /etc/envoy lie in `folder`."""
    return json.loads(json.dumps(config).replace("/etc/envoy/", folder + "/"))


def endpoint(address):
    host, port = address.rsplit(":", 1)
    return {"endpoint": {"address": {"socket_address": {
        "address": host, "port_value": int(port)}}}}


def use_places(config, servers, admin_port, collector):
    """On free ports of this machine, before `servers`."""
    for listener in config["static_resources"]["listeners"]:
        listener["address"]["socket_address"] = {
            "address": "127.0.0.1", "port_value": 0}
    config["admin"]["address"]["socket_address"]["port_value"] = admin_port
    places = {"peregrine": servers, "admin": [f"127.0.0.1:{admin_port}"],
              "otel": [collector]}
    for cluster in config["static_resources"]["clusters"]:
        endpoints = cluster["load_assignment"]["endpoints"][0]
        endpoints["lb_endpoints"] = [
            endpoint(address) for address in places.pop(cluster["name"])]
    assert not places, f"deploy/envoy has no cluster {list(places)}"
    return config


class Edge:
    """A running Envoy before `servers`; use it in a `with` statement."""

    def __init__(self, servers, collector="127.0.0.1:1"):
        self._folder = tempfile.TemporaryDirectory(prefix="peregrine-edge-")
        self.certificate = self._path("tls", "tls.crt")
        self.admin_port = admin_port = harness.free_port()
        self.descriptor = self._path("peregrine.pb")
        self._prepare([server.address for server in servers], admin_port,
                      collector)
        self._log = open(self._path("log"), "wb")
        self.process = subprocess.Popen(
            [ENVOY, "-c", self._path("envoy.yaml"), "--disable-hot-restart",
             "--concurrency", "2", "--drain-time-s", "1",
             "--log-level", "warning"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self._admin = f"http://127.0.0.1:{admin_port}"
        self._await_servers(len(servers))
        ports = self._ports()
        self.address = f"localhost:{ports['public']}"
        self.port = ports["public"]
        self.url = f"https://localhost:{ports['public']}"
        self.statistics_url = f"http://127.0.0.1:{ports['statistics']}"

    def _path(self, *names):
        return os.path.join(self._folder.name, *names)

    def _prepare(self, servers, admin_port, collector):
        os.mkdir(self._path("tls"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", self._path("tls", "tls.key"), "-out",
             self.certificate], check=True, capture_output=True)
        write_descriptor(self.descriptor)
        shutil.copytree(os.path.join(harness.SOURCE_DIR, "deploy", "web"),
                        self._path("web"))
        shutil.copy(os.path.join(CONFIG_DIR, "rest.lua"),
                    self._path("rest.lua"))
        config = use_places(load("envoy.yaml"), servers, admin_port, collector)
        # JSON is YAML.
        for name, contents in (("envoy.yaml", config),
                               ("certificate.yaml", load("certificate.yaml")),
                               ("access-log.yaml", load("access-log.yaml"))):
            with open(self._path(name), "w", encoding="utf-8") as file:
                json.dump(place(contents, self._folder.name), file)

    def admin(self, path):
        with urllib.request.urlopen(self._admin + path, timeout=10) as reply:
            return reply.read().decode("utf-8")

    def counter(self, name):
        """A counter or gauge of Envoy's, by its full name; 0: unknown."""
        for line in self.admin(f"/stats?filter=^{name}$").splitlines():
            return int(line.rsplit(": ", 1)[1])
        return 0

    def _await_servers(self, number):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"Envoy ended: {self.log()}")
            try:
                if self.healthy() == number:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"Envoy finds no servers: {self.log()}")

    def healthy(self):
        """How many servers pass their checks."""
        return self.counter("cluster.peregrine.membership_healthy")

    def _ports(self):
        statuses = json.loads(self.admin("/listeners?format=json"))
        return {status["name"]:
                status["local_address"]["socket_address"]["port_value"]
                for status in statuses["listener_statuses"]}

    def log(self):
        with open(self._path("log"), encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def access_log(self):
        return [json.loads(line) for line in self.log().splitlines()
                if line.startswith("{")]

    def channel(self, options=()):
        with open(self.certificate, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        return grpc.secure_channel(
            self.address, credentials,
            options=[("grpc.enable_retries", 0),
                     ("grpc.use_local_subchannel_pool", 1), *options])

    def ssl_context(self):
        return ssl.create_default_context(cafile=self.certificate)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()
