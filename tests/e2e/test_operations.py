"""What the people who run a server rely on: health, reflection, metrics."""

import json
import re
import time
import unittest

import grpc
import harness
import health_pb2
import health_pb2_grpc
import reflection_pb2
import reflection_pb2_grpc
from google.protobuf import descriptor_pb2
from harness import pb


class HealthTest(harness.ServerTestCase):

    def check(self, service):
        stub = health_pb2_grpc.HealthStub(self.server.channel)
        return stub.Check(health_pb2.HealthCheckRequest(service=service),
                          timeout=10).status

    def test_the_server_and_its_service_are_healthy(self):
        serving = health_pb2.HealthCheckResponse.SERVING
        self.assertEqual(self.check(""), serving)
        self.assertEqual(self.check(harness.SERVICE), serving)

    def test_an_unknown_service_is_unknown(self):
        self.assert_refused(grpc.StatusCode.NOT_FOUND,
                            lambda: self.check("no.such.Service"))

    def test_watch_tells_that_the_server_drains(self):
        server = harness.Server("--drain-timeout=10s")
        watch = health_pb2_grpc.HealthStub(server.channel).Watch(
            health_pb2.HealthCheckRequest(service=harness.SERVICE), timeout=30)
        states = [next(watch).status]
        server.terminate()
        try:
            for update in watch:
                states.append(update.status)
        except grpc.RpcError:
            pass  # the server is gone
        self.assertEqual(server.stop(), 0)
        self.assertEqual(states, [health_pb2.HealthCheckResponse.SERVING,
                                  health_pb2.HealthCheckResponse.NOT_SERVING])


class ReflectionTest(harness.ServerTestCase):

    def ask(self, **question):
        stub = reflection_pb2_grpc.ServerReflectionStub(self.server.channel)
        (answer,) = stub.ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(**question)]),
            timeout=10)
        return answer

    def test_services_are_listed(self):
        answer = self.ask(list_services="")
        names = {s.name for s in answer.list_services_response.service}
        self.assertLessEqual(
            {harness.SERVICE, "grpc.health.v1.Health",
             "grpc.reflection.v1alpha.ServerReflection"}, names)

    def test_the_contract_is_described(self):
        answer = self.ask(file_containing_symbol=harness.SERVICE)
        files = [descriptor_pb2.FileDescriptorProto.FromString(data) for data
                 in answer.file_descriptor_response.file_descriptor_proto]
        (contract,) = [f for f in files if f.package == "peregrine.v1"]
        self.assertEqual(
            {m.name for m in contract.service[0].method},
            {"Translate", "TranslateStream", "TranslateTokens", "ListModels",
             "GetModel", "ListLanguages", "DetectLanguage", "ScoreTexts"})

    def test_an_unknown_symbol(self):
        answer = self.ask(file_containing_symbol="no.such.Symbol")
        self.assertEqual(answer.error_response.error_code, 5)


class MetricsTest(unittest.TestCase):

    def test_counts_are_exact(self):
        """Known traffic on a fresh server."""
        with harness.Server() as server:
            responses = [server.translate("The house is small."),
                         server.translate("The house is small. I am hungry.",
                                          "A dog is running."),
                         server.translate("")]
            answers = list(server.stub.TranslateStream(iter([
                pb.TranslateStreamRequest(text=pb.Text(text="I am hungry.")),
                pb.TranslateStreamRequest(
                    text=pb.Text(text="x",
                                 options=pb.DecodingOptions(beam_size=0)))])))
            for call in (lambda: server.translate("x", model="no-such"),
                         lambda: server.translate(),
                         lambda: server.translate_raw(b"\xff")):
                with self.assertRaises(grpc.RpcError):
                    call()

            costs = [t.cost for r in responses for t in r.translations]
            costs += [a.translation.cost for a in answers
                      if a.HasField("translation")]
            model = {"model": harness.MODEL}
            requests = "peregrine_requests_total"
            self.assertEqual(server.metric(requests, outcome="ok", **model), 4)
            self.assertEqual(
                server.metric(requests, outcome="invalid_argument", **model),
                2)
            self.assertEqual(server.metric(requests, outcome="not_found"), 0)
            calls = {"name": "peregrine_calls_total", "method": "Translate"}
            self.assertEqual(server.metric(outcome="not_found", **calls), 1)
            self.assertEqual(
                server.metric(outcome="invalid_argument", **calls), 2)
            self.assertEqual(server.metric("peregrine_refusals_total",
                                           reason="model_not_found"), 1)
            self.assertEqual(
                server.metric("peregrine_sentences_total", outcome="ok"), 5)
            self.assertEqual(
                server.metric("peregrine_request_seconds_count"), 4)
            for name in ("queue", "encode", "decode"):
                self.assertEqual(
                    server.metric(f"peregrine_{name}_seconds_count"), 5)
            self.assertEqual(
                server.metric("peregrine_source_tokens_total"),
                sum(c.source_tokens for c in costs))
            self.assertEqual(
                server.metric("peregrine_target_tokens_total"),
                sum(c.target_tokens for c in costs))
            self.assertEqual(server.metric("peregrine_queue_sentences"), 0)
            self.assertGreater(
                server.metric("peregrine_worker_busy_seconds_total"), 0)
            self.assertGreater(
                server.metric("peregrine_model_weights_bytes"), 1e6)

    def test_the_precision_served_is_the_one_told(self):
        sizes = {}
        for precision in ("float32", "bf16", "int8"):
            with harness.Server(f"--precision={precision}") as server:
                server.translate("The children are playing in the garden.")
                models = server.stub.ListModels(pb.ListModelsRequest()).models
                self.assertEqual([d.precision for d in models[0].devices],
                                 [precision])
                labels = [s for s in server.metrics()
                          if s.startswith("peregrine_model_weights_bytes")]
                self.assertEqual(len(labels), 1)
                self.assertIn(f'precision="{precision}"', labels[0])
                sizes[precision] = server.metric("peregrine_model_weights_bytes")
        self.assertLess(sizes["bf16"], 0.6 * sizes["float32"])
        # The embedding, a third of the weights, keeps its 16 bits.
        self.assertLess(sizes["int8"], 0.75 * sizes["bf16"])

    def test_histograms_add_up(self):
        with harness.Server() as server:
            server.translate(*harness.english_sentences())
            metrics = server.metrics()
        buckets = {}
        for sample, value in metrics.items():
            match = re.fullmatch(r'(\w+)_bucket\{(.*)le="([^"]*)"\}', sample)
            if match:
                name, labels, bound = match.groups()
                buckets.setdefault((name, labels.rstrip(",")), []).append(
                    (float(bound), value))
        self.assertGreater(len(buckets), 4)
        for (name, labels), pairs in buckets.items():
            with self.subTest(name):
                counts = [count for _, count in sorted(pairs)]
                self.assertEqual(counts, sorted(counts))
                self.assertEqual(sorted(pairs)[-1][0], float("inf"))
                self.assertEqual(metrics[f"{name}_count{{{labels}}}"],
                                 counts[-1])

    def test_texts_never_become_labels(self):
        secret = "Xylophonquatsch"
        with harness.Server() as server:
            server.translate(f"My word is {secret}.")
            with self.assertRaises(grpc.RpcError):
                server.translate("x", model=secret)
            self.assertNotIn(secret, "".join(server.metrics()))

    def test_scrapes_under_load(self):
        with harness.Server() as server:
            calls = [server.stub.Translate.future(pb.TranslateRequest(
                texts=[pb.Text(text=t) for t in harness.english_sentences()]))
                for _ in range(50)]
            previous = 0
            while not all(call.done() for call in calls):
                count = server.metric("peregrine_sentences_total",
                                      outcome="ok")
                self.assertGreaterEqual(count, previous)
                previous = count
                time.sleep(0.02)
            for call in calls:
                call.result()
            self.assertEqual(
                server.metric("peregrine_sentences_total", outcome="ok"),
                50 * 15)


class RequestLogTest(unittest.TestCase):

    TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
    PARENT = "00f067aa0ba902b7"

    TRACEPARENT = f"00-{TRACE}-{PARENT}-01"

    def lines(self, server, count=1):
        """Those of the requests, once there are so many."""
        end = time.monotonic() + 10
        while True:
            found = [json.loads(line) for line in server.log().splitlines()
                     if line.startswith("{")]
            if len(found) >= count or time.monotonic() > end:
                return found
            time.sleep(0.05)

    def call(self, server, text="The house is small.", metadata=()):
        """The trailers."""
        response, call = server.stub.Translate.with_call(
            pb.TranslateRequest(texts=[pb.Text(text=text)]),
            metadata=metadata, timeout=30)
        self.assertEqual(len(response.translations), 1)
        return dict(call.trailing_metadata())

    def test_a_line_for_each_call_with_its_ids(self):
        with harness.Server("--log-requests") as server:
            trailers = self.call(server, metadata=(
                ("x-request-id", "web-17"), ("traceparent", self.TRACEPARENT)))
            (line,) = self.lines(server)
        self.assertEqual(trailers["x-request-id"], "web-17")
        self.assertRegex(line["span_id"], "^[0-9a-f]{16}$")
        self.assertNotEqual(line["span_id"], self.PARENT)
        self.assertEqual(trailers["traceresponse"],
                         f"00-{self.TRACE}-{line['span_id']}-01")
        self.assertEqual(line["request_id"], "web-17")
        self.assertEqual(line["trace_id"], self.TRACE)
        self.assertEqual(line["parent_id"], self.PARENT)
        self.assertEqual(line["method"], "Translate")
        self.assertEqual(line["model"], harness.MODEL)
        self.assertEqual(line["outcome"], "ok")
        self.assertEqual(line["sentences"], 1)
        self.assertGreater(line["seconds"], 0)

    def test_streams_and_failures_have_a_line_and_no_text_is_in_one(self):
        secret = "Xylophonquatsch"
        with harness.Server("--log-requests") as server:
            with self.assertRaises(grpc.RpcError):
                server.translate(secret, model=secret)
            list(server.stub.TranslateStream(iter([
                pb.TranslateStreamRequest(id=secret,
                                          text=pb.Text(text=secret))])))
            lines = self.lines(server, count=2)
            self.assertNotIn(secret, server.log())
        self.assertEqual([(line["method"], line["outcome"]) for line in lines],
                         [("Translate", "not_found"),
                          ("TranslateStream", "ok")])

    def test_texts_are_logged_where_that_is_asked_for(self):
        source = "The house is small."
        with harness.Server("--log-requests", "--unsafe-log-texts") as server:
            translation = harness.best(server.translate(source))
            list(server.stub.TranslateStream(iter([pb.TranslateStreamRequest(
                text=pb.Text(text=source))])))
            server.stub.TranslateTokens(pb.TranslateTokensRequest(
                sources=[pb.TokenSequence(tokens=["Xylo", "phon"])]))
            with self.assertRaises(grpc.RpcError):
                server.translate("A long text. " * 10000)
            unary, stream, tokens, refused = self.lines(server, count=4)
            self.assertIn("--unsafe-log-texts: this log holds the texts",
                          server.log())
        pair = {"source": source, "translation": translation}
        self.assertEqual(unary["texts"], [pair])
        self.assertEqual(stream["texts"], [pair])
        self.assertEqual(tokens["texts"][0]["source"], "Xylo phon")
        self.assertEqual(refused["outcome"], "invalid_argument")
        (text,) = refused["texts"]
        self.assertTrue(text["source"].startswith("A long text. A"))
        self.assertTrue(text["source"].endswith("…"))
        self.assertLess(len(text["source"]), 5000)
        self.assertEqual(text["translation"], "")

    def test_ids_are_made_where_none_is_given_and_nothing_is_logged(self):
        with harness.Server() as server:
            first, second = (self.call(server, metadata=metadata)["x-request-id"]
                             for metadata in ((), (("x-request-id", "a b"),)))
            self.assertRegex(first, "^[0-9a-f]{32}$")
            self.assertRegex(second, "^[0-9a-f]{32}$")
            self.assertNotEqual(first, second)
            self.assertNotIn(first, server.log())

    def test_each_call_is_a_span_of_its_own(self):
        metadata = (("traceparent", self.TRACEPARENT),)
        with harness.Server("--log-requests") as server:
            first = self.call(server, metadata=metadata)["traceresponse"]
            second = self.call(server, metadata=metadata)["traceresponse"]
            stream = server.stub.TranslateStream(
                iter([]), metadata=metadata, timeout=30)
            self.assertEqual(list(stream), [])
            third = dict(stream.trailing_metadata())["traceresponse"]
            with self.assertRaises(grpc.RpcError) as raised:
                server.stub.Translate(pb.TranslateRequest(), metadata=metadata,
                                      timeout=30)
            fourth = dict(raised.exception.trailing_metadata())["traceresponse"]
            lines = self.lines(server, count=4)
        spans = [line["span_id"] for line in lines]
        self.assertEqual([first, second, third, fourth],
                         [f"00-{self.TRACE}-{span}-01" for span in spans])
        self.assertEqual(len(set(spans)), 4)

    def test_a_malformed_traceparent_is_none(self):
        with harness.Server("--log-requests") as server:
            for header in ("", "x", self.TRACEPARENT.upper(),
                           self.TRACEPARENT + "-more", "00-" + "0" * 52):
                trailers = self.call(
                    server, metadata=(("traceparent", header),))
                self.assertNotIn("traceresponse", trailers)
            for line in self.lines(server, count=5):
                self.assertEqual(
                    {"trace_id", "parent_id", "span_id"} & set(line), set())

    def test_commands_pass_on_the_trace_of_their_environment(self):
        with harness.Server("--log-requests") as server:
            run = harness.client(server, "translate", "The house is small.",
                                 TRACEPARENT=self.TRACEPARENT,
                                 TRACESTATE="vendor=\x07")
            self.assertEqual(run.returncode, 0, run.stderr)
            run = harness.client(server, "bench", "--duration=0.2s",
                                 "--warm-up=0s", TRACEPARENT=self.TRACEPARENT)
            self.assertEqual(run.returncode, 0, run.stderr)
            traced = self.lines(server, count=2)
            run = harness.client(server, "translate", "The house is small.",
                                 TRACEPARENT="no\ntrace")
            self.assertEqual(run.returncode, 0, run.stderr)
            rest = self.lines(server, count=len(traced) + 1)[len(traced):]
        self.assertEqual({line["method"] for line in traced},
                         {"ListModels", "Translate", "TranslateStream"})
        for line in traced:
            self.assertEqual(line["trace_id"], self.TRACE)
            self.assertEqual(line["parent_id"], self.PARENT)
        self.assertGreater(len(rest), 0)
        for line in rest:
            self.assertNotIn("trace_id", line)


if __name__ == "__main__":
    unittest.main()
