"""A real Prometheus scrapes a real server under load: the rules of deploy/
give what they say, and every query of the dashboard returns data."""

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

import harness

DEPLOY_DIR = os.path.join(harness.SOURCE_DIR, "deploy")
DASHBOARD = os.path.join(DEPLOY_DIR, "grafana", "peregrine.json")
LOAD_SECONDS = 25
START_SECONDS = 60

CONFIG = """\
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files:
  - {deploy}/prometheus/rules.yaml
  - {deploy}/prometheus/alerts.yaml
scrape_configs:
  - job_name: peregrine
    static_configs:
      - targets: ["{target}"]
"""


class Prometheus:
    """Scrapes `target` every second, in a `with` statement."""

    def __init__(self, target):
        self._folder = tempfile.TemporaryDirectory(prefix="peregrine-e2e-")
        config = os.path.join(self._folder.name, "prometheus.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(deploy=DEPLOY_DIR, target=target))
        port = harness.free_port()
        self._url = f"http://127.0.0.1:{port}"
        self._log_path = os.path.join(self._folder.name, "log")
        with open(self._log_path, "wb") as log:
            self._process = subprocess.Popen(
                ["prometheus", f"--config.file={config}",
                 f"--storage.tsdb.path={self._folder.name}/data",
                 f"--web.listen-address=127.0.0.1:{port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._await_ready()

    def _await_ready(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self._url}/-/ready",
                                            timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        with open(self._log_path, encoding="utf-8") as log:
            text = log.read()
        self.stop()
        raise AssertionError("Prometheus did not start:\n" + text)

    def get(self, path, **parameters):
        """What the HTTP API answers under `data`."""
        url = (f"{self._url}/api/v1/{path}?"
               + urllib.parse.urlencode(parameters))
        try:
            with urllib.request.urlopen(url, timeout=30) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as error:
            answer = json.load(error)
        if answer["status"] != "success":
            raise AssertionError(f"{parameters}: {answer['error']}")
        return answer["data"]

    def query(self, expression, when=None):
        """Labels, as a sorted tuple, to value."""
        parameters = {"query": expression}
        if when is not None:
            parameters["time"] = when
        return {tuple(sorted(series["metric"].items())):
                float(series["value"][1])
                for series in self.get("query", **parameters)["result"]}

    def query_range(self, expression, start, end):
        """The values of all series."""
        result = self.get("query_range", query=expression, start=start,
                          end=end, step=1)["result"]
        return [[float(value) for _, value in series["values"]]
                for series in result]

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


def dashboard_queries():
    """Panel title and expression of every query, with the values that the
    dashboard's variables have at first."""
    with open(DASHBOARD, encoding="utf-8") as file:
        dashboard = json.load(file)
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            # Longest first: $job is not the start of $jobs.
            for variable in sorted(dashboard["templating"]["list"],
                                   key=lambda v: -len(v["name"])):
                value = variable.get("allValue",
                                     variable["current"].get("value", ""))
                expression = expression.replace(f"${variable['name']}", value)
            yield panel["title"], expression


def variable_queries():
    with open(DASHBOARD, encoding="utf-8") as file:
        dashboard = json.load(file)
    return {v["name"]: v["query"]["query"].replace("$job", ".*").replace(
                "$model", ".*")
            for v in dashboard["templating"]["list"] if v["type"] == "query"}


def filled_labels(sample):
    """Of a sample as the server prints it, without the empty ones, which
    Prometheus drops."""
    return dict(re.findall(r'(\w+)="([^"]+)"', sample))


def needs_gpu(expression):
    """Of such a query there is data only where the server has a GPU."""
    return "device_memory" in expression


def is_number(value):
    return not math.isnan(value) and not math.isinf(value)


@unittest.skipUnless(shutil.which("prometheus"),
                     "prometheus is missing (scripts/install-deps)")
class PrometheusTest(unittest.TestCase):
    """One load for all tests, which then only ask."""

    @classmethod
    def setUpClass(cls):
        # Two models, so that there is something to compare.
        cls.server = harness.Server(
            models=(harness.MODEL_DIR, f"again={harness.MODEL_DIR}"))
        cls.addClassCleanup(cls.server.stop)
        cls.prometheus = Prometheus(cls.server.metrics_address)
        cls.addClassCleanup(cls.prometheus.stop)
        cls.start = time.time()
        cls._load()
        # The last scrape and the evaluation that follows must have seen all.
        time.sleep(4)
        cls.end = time.time()

    @classmethod
    def _load(cls):
        commands = [
            subprocess.Popen(
                [os.path.join(harness.BIN, "peregrine"), "bench", "--json",
                 f"--address={cls.server.address}", f"--model={model}",
                 "--warm-up=0", f"--duration={LOAD_SECONDS}s", *flags],
                stdout=subprocess.PIPE)
            for model, flags in ((harness.MODEL, ("--rate=20",)),
                                 # At a rate, since on a fast machine as many as
                                 # it can would hide those that come too late.
                                 ("again", ("--rate=20",)),
                                 # Refused or late, most of them.
                                 ("again", ("--rate=30", "--deadline=2ms",
                                            "--mean-words=60")))]
        cls.reports = []
        for command in commands:
            output = command.communicate(timeout=300)[0]
            cls.reports.append(json.loads(output))

    def only(self, expression):
        values = list(self.prometheus.query(expression, self.end).values())
        self.assertEqual(len(values), 1, expression)
        return values[0]

    def expects_data(self, expression):
        has_gpu = any('device="cuda' in sample
                      for sample in self.server.metrics())
        return has_gpu or not needs_gpu(expression)

    def test_the_server_is_scraped(self):
        self.assertEqual(self.only("up"), 1)

    def test_counters_arrive_unchanged(self):
        served = self.server.metrics()
        scraped = self.prometheus.query(
            '{__name__=~"peregrine_.*_total"}', self.end)
        self.assertGreater(len(scraped), 20)
        for labels, value in scraped.items():
            labels = dict(labels)
            name = labels.pop("__name__")
            del labels["instance"], labels["job"]
            found = [v for sample, v in served.items()
                     if sample.split("{")[0] == name
                     and filled_labels(sample) == labels]
            self.assertEqual([value], found, (name, labels))

    def test_what_the_client_saw_is_what_prometheus_counts(self):
        """The first load alone was on its model, and all of it succeeded."""
        sent = sum(self.reports[0]["outcomes"].values())
        counted = self.only('peregrine_requests_total{outcome="ok",'
                            f'model="{harness.MODEL}"}}')
        # The report leaves out the transient; nothing else was sent.
        self.assertGreaterEqual(counted, sent)
        self.assertEqual(
            sum(self.prometheus.query(
                "sum(peregrine_requests_total{outcome!=\"ok\","
                f'model="{harness.MODEL}"}})', self.end).values()), 0)

    def test_rules_are_evaluated_without_errors(self):
        groups = self.prometheus.get("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertGreater(len(rules), 20)
        for rule in rules:
            self.assertEqual(rule["health"], "ok",
                             (rule["name"], rule.get("lastError")))

    def test_a_rule_records_what_its_expression_gives(self):
        """At the instant of a sample, whatever the scrapes were."""
        groups = self.prometheus.get("rules", type="record")["groups"]
        checked = 0
        for rule in (r for group in groups for r in group["rules"]):
            recorded = self.prometheus.get(
                "query", query=f"{rule['name']}[10s]", time=self.end)["result"]
            with self.subTest(rule["name"]):
                self.assertEqual(bool(recorded),
                                 self.expects_data(rule["query"]))
                if not recorded:
                    continue
                sample = recorded[0]
                when, value = sample["values"][-1]
                labels = {k: v for k, v in sample["metric"].items()
                          if k != "__name__"}
                given = {key: v for key, v in self.prometheus.query(
                             rule["query"], when).items()
                         if dict(key) == labels}
                ((_, expected),) = given.items()
                if not math.isnan(expected):
                    self.assertAlmostEqual(
                        float(value), expected,
                        delta=1e-6 * max(1, abs(expected)))
                checked += 1
        self.assertGreater(checked, 10)

    def test_rates_and_percentiles_make_sense(self):
        served = f'model="{harness.MODEL}"'
        rate = f'peregrine:requests:rate1m{{{served},outcome="ok"}}'
        seen = self.only(f"max_over_time({rate}[5m])")
        self.assertGreater(seen, 0)
        self.assertLess(seen, 20 * 4)  # 20 a second were sent
        p50, p99 = (self.only(
            f"histogram_quantile({q}, peregrine:request_seconds_bucket:rate1m"
            f"{{{served}}})") for q in (0.5, 0.99))
        self.assertGreater(p50, 0)
        self.assertLessEqual(p50, p99)
        self.assertGreater(
            self.only(f"peregrine:workers_busy:ratio1m{{{served}}}"), 0)
        self.assertLessEqual(
            self.only(f"peregrine:workers_busy:ratio1m{{{served}}}"), 1.05)
        self.assertGreater(
            self.only('peregrine:requests_refused:ratio5m{model="again"}'), 0)

    def test_every_query_of_the_dashboard_returns_data(self):
        queries = list(dashboard_queries())
        self.assertGreater(len(queries), 20)
        for title, expression in queries:
            with self.subTest(title):
                self.assertNotIn("$", expression)
                values = self.prometheus.query_range(expression, self.start,
                                                     self.end)
                self.assertEqual(
                    any(is_number(v) for series in values for v in series),
                    self.expects_data(expression), expression)

    def test_the_variables_of_the_dashboard_have_values(self):
        queries = variable_queries()
        self.assertEqual(set(queries), {"namespace", "job", "model", "device"})
        del queries["namespace"]  # of Kubernetes
        for name, query in queries.items():
            # label_values(SELECTOR, LABEL)
            selector, label = query[len("label_values("):-1].rsplit(", ", 1)
            found = self.prometheus.query(f"count by ({label}) ({selector})",
                                          self.end)
            self.assertTrue(found, name)

    def test_alerts_are_as_they_should_be(self):
        """The model that refused is noticed; nothing fires yet, since it would
        have to go on for ten minutes."""
        alerts = self.prometheus.get("alerts")["alerts"]
        self.assertEqual([a for a in alerts if a["state"] == "firing"], [])
        self.assertIn(("PeregrineRefusing", "again"),
                      {(a["labels"]["alertname"], a["labels"].get("model"))
                       for a in alerts})


if __name__ == "__main__":
    unittest.main()
