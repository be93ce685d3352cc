"""What deploy/ says must be true of the server, and of itself."""

import os
import re
import shutil
import subprocess
import unittest

import harness

DEPLOY_DIR = os.path.join(harness.SOURCE_DIR, "deploy")
RULES_DIR = os.path.join(DEPLOY_DIR, "prometheus")


def read(*path):
    with open(os.path.join(harness.SOURCE_DIR, *path),
              encoding="utf-8") as file:
        return file.read()


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
        named = set(re.findall(r"(PEREGRINE_\w+)=:", read("Dockerfile")))
        self.assertTrue(named)
        self.assertEqual(named - known, set(), "Dockerfile")

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl is missing")
    def test_kustomize_builds_every_variant(self):
        kubernetes = os.path.join(DEPLOY_DIR, "kubernetes")
        kinds = {
            "base": {"Deployment", "Service", "PodDisruptionBudget",
                     "NetworkPolicy"},
            "monitoring": {"ServiceMonitor", "PrometheusRule", "ConfigMap"},
            "autoscaling": {"HorizontalPodAutoscaler"},
            "example": {"Deployment", "Service", "PodDisruptionBudget",
                        "NetworkPolicy", "ServiceMonitor", "PrometheusRule",
                        "ConfigMap", "HorizontalPodAutoscaler"},
        }
        for name, wanted in kinds.items():
            with self.subTest(name):
                run = subprocess.run(
                    ["kubectl", "kustomize",
                     "--load-restrictor=LoadRestrictionsNone",
                     os.path.join(kubernetes, name)],
                    capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertEqual(
                    set(re.findall(r"^kind: (\w+)", run.stdout, re.M)), wanted)


if __name__ == "__main__":
    unittest.main()
