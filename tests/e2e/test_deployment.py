"""What deploy/ says must be true of the server, and of itself."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

DEPLOY_DIR = os.path.join(harness.SOURCE_DIR, "deploy")
RULES_DIR = os.path.join(DEPLOY_DIR, "prometheus")

# Of every folder in deploy/kubernetes that can be applied.
BASE_KINDS = {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
OPERATORS_KINDS = {"ServiceMonitor", "PrometheusRule"}
MONITORING_KINDS = OPERATORS_KINDS | {"ConfigMap"}
AUTOSCALING_KINDS = {"HorizontalPodAutoscaler"}
KINDS = {
    "base": BASE_KINDS,
    "monitoring": MONITORING_KINDS,
    "autoscaling": AUTOSCALING_KINDS,
    "example": BASE_KINDS | MONITORING_KINDS | AUTOSCALING_KINDS,
    "example-gpu": BASE_KINDS | MONITORING_KINDS | AUTOSCALING_KINDS,
}


def read(*path):
    with open(os.path.join(harness.SOURCE_DIR, *path),
              encoding="utf-8") as file:
        return file.read()


def kustomize(name):
    """The manifests of a folder in deploy/kubernetes."""
    run = subprocess.run(
        ["kubectl", "kustomize", "--load-restrictor=LoadRestrictionsNone",
         os.path.join(DEPLOY_DIR, "kubernetes", name)],
        capture_output=True, text=True, timeout=60, check=False)
    if run.returncode != 0:
        raise AssertionError(run.stderr)
    return run.stdout


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

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl is missing")
    def test_kustomize_builds_every_variant(self):
        for name, wanted in KINDS.items():
            with self.subTest(name):
                self.assertEqual(
                    set(re.findall(r"^kind: (\w+)", kustomize(name), re.M)),
                    wanted)

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl is missing")
    def test_the_gpu_variant_asks_for_a_gpu_and_uses_it(self):
        manifests = kustomize("example-gpu")
        self.assertEqual(manifests.count('nvidia.com/gpu: "1"'), 2)
        self.assertIn("value: cuda:0:2", manifests)
        self.assertNotIn("nvidia", kustomize("example"))

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl is missing")
    @unittest.skipUnless(
        shutil.which("kubernetes-validate"),
        "kubernetes-validate is missing (pip install kubernetes-validate)")
    def test_manifests_are_as_their_schemas_say(self):
        """Those of Kubernetes itself; of what operators add it has none."""
        for name in KINDS:
            for manifest in re.split(r"^---$", kustomize(name), flags=re.M):
                kind = re.search(r"^kind: (\w+)", manifest, re.M).group(1)
                if kind in OPERATORS_KINDS:
                    continue
                with self.subTest(name=name, kind=kind), \
                        tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                    file.write(manifest)
                    file.flush()
                    run = subprocess.run(
                        ["kubernetes-validate", "--strict", file.name],
                        capture_output=True, text=True, timeout=60,
                        check=False)
                    self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
