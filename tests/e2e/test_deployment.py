"""What deploy/ says must be true of the server, and of itself."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
import yaml

DEPLOY_DIR = os.path.join(harness.SOURCE_DIR, "deploy")
RULES_DIR = os.path.join(DEPLOY_DIR, "prometheus")

# Of every folder in deploy/kubernetes that can be applied.
BASE_KINDS = {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
MONITORING_KINDS = {"ServiceMonitor", "PodMonitor", "PrometheusRule",
                    "ConfigMap"}
# Those of which Kubernetes itself has no schema.
OPERATORS_KINDS = {"ServiceMonitor", "PodMonitor", "PrometheusRule",
                   "ScaledObject"}
AUTOSCALING_KINDS = {"HorizontalPodAutoscaler"}
KEDA_KINDS = {"ScaledObject"}
KINDS = {
    "base": BASE_KINDS,
    "edge": BASE_KINDS,
    "monitoring": MONITORING_KINDS,
    "autoscaling": AUTOSCALING_KINDS,
    "keda": KEDA_KINDS,
    "bulk": {"Job"},
    "example": BASE_KINDS | MONITORING_KINDS | AUTOSCALING_KINDS,
    "example-gpu": BASE_KINDS | MONITORING_KINDS | AUTOSCALING_KINDS,
}


def find_tool(name):
    """Installed, or by scripts/edge-env."""
    return shutil.which(name, path=os.pathsep.join([
        os.environ.get("PATH", ""),
        os.path.join(harness.SOURCE_DIR, ".cache", "edge-venv", "bin")]))


KUBECTL = find_tool("kubectl")
VALIDATE = find_tool("kubernetes-validate")


def read(*path):
    with open(os.path.join(harness.SOURCE_DIR, *path),
              encoding="utf-8") as file:
        return file.read()


def kustomize(name):
    """The manifests of a folder in deploy/kubernetes."""
    run = subprocess.run(
        [KUBECTL, "kustomize", "--load-restrictor=LoadRestrictionsNone",
         os.path.join(DEPLOY_DIR, "kubernetes", name)],
        capture_output=True, text=True, timeout=60, check=False)
    if run.returncode != 0:
        raise AssertionError(run.stderr)
    return run.stdout


class ImageTest(unittest.TestCase):

    def test_what_the_image_is_built_from_reaches_the_builder(self):
        """.dockerignore lets nothing through but what it names."""
        sent = [line[1:] for line in read(".dockerignore").splitlines()
                if line.startswith("!")]
        wanted = re.findall(r"^add_subdirectory\((\w+)\)", read("CMakeLists.txt"),
                            re.MULTILINE)
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$",
                                  read("Dockerfile"), re.MULTILINE):
            wanted += sources.split()
        wanted += re.findall(r"^RUN (scripts/\S+)", read("Dockerfile"),
                             re.MULTILINE)
        for path in wanted:
            self.assertTrue(
                path == "." or any(path == root or path.startswith(root + "/")
                                   or root.startswith(path + "/")
                                   for root in sent),
                f"the image needs {path}, which .dockerignore leaves out")


class PrometheusRulesTest(unittest.TestCase):

    @unittest.skipUnless(shutil.which("promtool"),
                         "promtool is missing (scripts/install-deps)")
    def test_rules(self):
        run = subprocess.run(
            ["promtool", "test", "rules", "rules_test.yaml"], cwd=RULES_DIR,
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    @unittest.skipUnless(shutil.which("promtool"),
                         "promtool is missing (scripts/install-deps)")
    def test_configuration(self):
        run = subprocess.run(
            ["promtool", "check", "config", "prometheus.yaml"], cwd=RULES_DIR,
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_every_alert_has_a_section_in_its_runbook(self):
        alerts = re.findall(r"alert: (\w+)", read(
            "deploy", "prometheus", "alerts.yaml"))
        runbooks = re.findall(r"runbook: (\S+)#(\w+)", read(
            "deploy", "prometheus", "alerts.yaml"))
        self.assertGreater(len(alerts), 3)
        self.assertEqual([anchor for _, anchor in runbooks],
                         [alert.lower() for alert in alerts])
        for alert, (file, _) in zip(alerts, runbooks):
            self.assertIn(f"### {alert}\n", read(*file.split("/")))

    def test_every_metric_that_is_named_is_exported(self):
        with harness.Server() as server:
            server.translate("The house is small.")
            exported = {sample.split("{")[0] for sample in server.metrics()}
            exported |= server.metric_families()
        for file in ("rules.yaml", "alerts.yaml"):
            text = re.sub(r"#.*", "", read("deploy", "prometheus", file))
            named = set(re.findall(
                r"\b((?:peregrine|process)_\w+)", text))
            self.assertGreater(len(named), 1)
            self.assertEqual(named - exported, set(), file)


class KubernetesTest(unittest.TestCase):

    def test_the_operators_rules_are_those_of_prometheus(self):
        """A PrometheusRule cannot include a file, so it repeats both."""
        groups = "".join(
            re.sub(r"(?ms)\A.*^groups:\n", "", read(
                "deploy", "prometheus", file))
            for file in ("rules.yaml", "alerts.yaml"))
        expected = "".join(
            f"  {line}" if line.strip() else line
            for line in groups.splitlines(keepends=True))
        self.assertIn(
            "  groups:\n" + expected,
            read("deploy", "kubernetes", "monitoring", "rules.yaml"))

    def test_variables_are_flags_of_the_server(self):
        run = subprocess.run(
            [os.path.join(harness.BIN, "peregrine-server"), "--help"],
            capture_output=True, text=True, timeout=60, check=True)
        known = set(re.findall(r"Env:(\w+)", run.stdout))
        for folder, _, files in os.walk(DEPLOY_DIR):
            for file in files:
                if not file.endswith(".yaml"):
                    continue
                path = os.path.relpath(os.path.join(folder, file),
                                       harness.SOURCE_DIR)
                named = set(re.findall(
                    r"^\s*(?:- name: )?(PEREGRINE_\w+)(?::|$)", read(path),
                    re.M))
                self.assertEqual(named - known, set(), path)
        # Not the options of CMake, -DPEREGRINE_...
        named = set(re.findall(r"\s(PEREGRINE_\w+)=", read("Dockerfile")))
        self.assertIn("PEREGRINE_DEVICES", named)
        self.assertEqual(named - known, set(), "Dockerfile")

    @unittest.skipUnless(KUBECTL, "kubectl is missing: scripts/edge-env")
    def test_kustomize_builds_every_variant(self):
        for name, wanted in KINDS.items():
            with self.subTest(name):
                self.assertEqual(
                    set(re.findall(r"^kind: (\w+)", kustomize(name), re.M)),
                    wanted)

    @unittest.skipUnless(KUBECTL, "kubectl is missing: scripts/edge-env")
    def test_the_gpu_variant_asks_for_a_gpu_and_uses_it(self):
        manifests = kustomize("example-gpu")
        self.assertEqual(manifests.count('nvidia.com/gpu: "1"'), 2)
        self.assertIn("value: cuda:0:2", manifests)
        self.assertNotIn("nvidia", kustomize("example"))

    @unittest.skipUnless(KUBECTL, "kubectl is missing: scripts/edge-env")
    @unittest.skipUnless(
        VALIDATE, "kubernetes-validate is missing: scripts/edge-env")
    def test_manifests_are_as_their_schemas_say(self):
        """Those of Kubernetes itself; of what operators add it has none."""
        manifests = {}  # of each text one
        for name in KINDS:
            for manifest in re.split(r"^---$", kustomize(name), flags=re.M):
                kind = re.search(r"^kind: (\w+)", manifest, re.M).group(1)
                if kind not in OPERATORS_KINDS:
                    manifests.setdefault(manifest, f"{name}-{kind}")
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number, (manifest, name) in enumerate(manifests.items()):
                files.append(os.path.join(folder, f"{number}-{name}.yaml"))
                with open(files[-1], "w", encoding="utf-8") as file:
                    file.write(manifest)
            run = subprocess.run(
                [VALIDATE, "--strict", *files], capture_output=True, text=True,
                timeout=300, check=False)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            with open(files[0], "a", encoding="utf-8") as file:
                file.write("\nsurprise: 1\n")
            run = subprocess.run(
                [VALIDATE, "--strict", files[0]], capture_output=True,
                text=True, timeout=300, check=False)
            self.assertNotEqual(run.returncode, 0, "it finds nothing")

    @unittest.skipUnless(KUBECTL, "kubectl is missing: scripts/edge-env")
    def test_the_edge_is_the_only_way_in(self):
        """No Service of the servers leaves the cluster, and their port is for
        pods that are labelled as callers."""
        manifests = list(yaml.safe_load_all(kustomize("example")))
        of_kind = {kind: {item["metadata"]["name"]: item for item in manifests
                          if item["kind"] == kind}
                   for kind in ("Service", "NetworkPolicy", "Deployment")}
        for name, service in of_kind["Service"].items():
            kind = service["spec"].get("type", "ClusterIP")
            self.assertEqual(
                kind, "LoadBalancer" if name == "peregrine-edge"
                else "ClusterIP", name)
        callers = of_kind["NetworkPolicy"]["peregrine"]["spec"]["ingress"][0]
        self.assertEqual(callers["from"][0]["podSelector"], {
            "matchExpressions": [{"key": "peregrine/caller", "operator": "In",
                                  "values": ["true"]}]})
        edge_pod = of_kind["Deployment"]["peregrine-edge"]["spec"]["template"]
        self.assertEqual(
            edge_pod["metadata"]["labels"]["peregrine/caller"], "true")
        for name, policy in of_kind["NetworkPolicy"].items():
            self.assertEqual(policy["spec"]["podSelector"]["matchLabels"],
                             {"app.kubernetes.io/name": name})

    def test_autoscaling_reads_rules_that_exist(self):
        """By either way the same three, each an existing recording rule."""
        rules = set(re.findall(r"record: (\S+)", read(
            "deploy", "prometheus", "rules.yaml")))
        folder = ("deploy", "kubernetes")
        adapter = yaml.safe_load(
            read(*folder, "autoscaling", "adapter-rule.yaml"))
        names = {rule["name"]["as"]: rule["seriesQuery"]
                 for rule in adapter["rules"]["external"]}
        autoscaler = yaml.safe_load(
            read(*folder, "autoscaling", "autoscaler.yaml"))
        by_autoscaler = {names[metric["external"]["metric"]["name"]]
                         for metric in autoscaler["spec"]["metrics"]}
        scaled = yaml.safe_load(read(*folder, "keda", "scaled-object.yaml"))
        by_keda = {re.search(r"peregrine:[\w:]+", trigger["metadata"]["query"])[0]
                   for trigger in scaled["spec"]["triggers"]}
        self.assertEqual(len(by_keda), 3)
        self.assertEqual(by_autoscaler, by_keda)
        self.assertEqual(by_keda - rules, set())

    def test_compose_publishes_no_port_of_the_server(self):
        services = yaml.safe_load(read("deploy", "compose.yaml"))["services"]
        self.assertNotIn("ports", services["peregrine"])
        self.assertIn("8443", str(services["edge"]["ports"]))
        # The name that envoy.yaml looks up.
        (alias,) = services["peregrine"]["networks"]["default"]["aliases"]
        self.assertIn(f"address: {alias},", read(
            "deploy", "envoy", "envoy.yaml"))


if __name__ == "__main__":
    unittest.main()
