"""Deadlines, cancellation, overload, drain: bounded everything."""

import concurrent.futures
import json
import threading
import time
import unittest

import grpc
import harness
from google.rpc import error_details_pb2
from harness import best, pb

# Enough work for some tenths of a second.
MUCH = harness.english_sentences() * 20


class DeadlineTest(harness.ServerTestCase):

    FLAGS = ("--workers=1",)

    def test_too_short_a_deadline(self):
        done = self.server.metric("peregrine_sentences_total", outcome="ok")
        self.assert_refused(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            lambda: self.server.translate(*MUCH, timeout=0.01))
        self.await_metric(0, "peregrine_queue_sentences")
        # The work ended with the call.
        self.assertLess(
            self.server.metric("peregrine_sentences_total", outcome="ok"),
            done + len(MUCH))

    def test_a_long_enough_deadline(self):
        self.server.translate("The house is small.", timeout=30)

    def test_cancelled_work_is_dropped(self):
        """Soon after a cancel the worker is idle, and most of the work was
        never done."""
        done = self.server.metric("peregrine_sentences_total", outcome="ok")
        call = self.server.stub.Translate.future(pb.TranslateRequest(
            texts=[pb.Text(text=t) for t in MUCH * 3],
            options=pb.DecodingOptions(beam_size=16)))
        self.await_busy()
        self.assertTrue(call.cancel())
        self.await_metric(0, "peregrine_queue_sentences")
        self.await_idle()
        self.assertLess(
            self.server.metric("peregrine_sentences_total", outcome="ok"),
            done + len(MUCH))
        self.assertGreater(
            self.server.metric("peregrine_sentences_total",
                               outcome="cancelled"), len(MUCH))

    def await_idle(self):
        """Until the worker's time stands still: the step in which it was ends,
        late on a busy machine."""
        busy = -1
        end = time.monotonic() + 30
        while (before := busy) != (busy := self.server.metric(
                "peregrine_worker_busy_seconds_total")):
            self.assertLess(time.monotonic(), end, "the work goes on")
            time.sleep(0.5)
        self.assertGreater(before, 0)

    def await_busy(self):
        """Until the worker works."""
        before = self.server.metric("peregrine_worker_busy_seconds_total")
        end = time.monotonic() + 10
        while self.server.metric("peregrine_queue_sentences") == 0 and (
                self.server.metric("peregrine_worker_busy_seconds_total")
                == before):
            self.assertLess(time.monotonic(), end, "no work arrived")

    def test_a_cancelled_call_frees_its_place(self):
        calls = [self.server.stub.Translate.future(pb.TranslateRequest(
            texts=[pb.Text(text=t) for t in MUCH])) for _ in range(8)]
        done = self.server.metric("peregrine_sentences_total", outcome="ok")
        self.await_busy()
        for call in calls:
            call.cancel()
        self.server.translate("The house is small.")
        # It did not wait for the work of the others.
        self.assertLess(
            self.server.metric("peregrine_sentences_total", outcome="ok"),
            done + len(calls) * len(MUCH) / 2)
        self.await_metric(0, "peregrine_queue_sentences")

    def test_a_cancelled_stream(self):
        def texts():
            for text in MUCH:
                yield pb.TranslateStreamRequest(text=pb.Text(text=text))
        call = self.server.stub.TranslateStream(texts())
        next(iter(call))
        call.cancel()
        self.await_metric(0, "peregrine_queue_sentences")

    def await_metric(self, value, name, seconds=10):
        end = time.monotonic() + seconds
        while self.server.metric(name) != value:
            self.assertLess(time.monotonic(), end,
                            f"{name} is {self.server.metric(name)}")
            time.sleep(0.05)


class OverloadTest(harness.ServerTestCase):

    FLAGS = ("--workers=1", "--max-queue-sentences=20",
             "--max-texts-per-request=20", "--log-requests")

    def test_a_full_queue_says_when_to_come_again(self):
        sentences = harness.english_sentences()

        def translate(_):
            try:
                self.server.translate(*sentences)
                return None
            except grpc.RpcError as error:
                return error

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            results = list(pool.map(translate, range(64)))
        errors = [e for e in results if e is not None]
        self.assertGreater(len(errors), 0, "nobody was refused")
        self.assertLess(len(errors), 64, "nobody was served")
        for error in errors:
            self.assertEqual(error.code(),
                             grpc.StatusCode.RESOURCE_EXHAUSTED,
                             error.details())
            retry = harness.detail(error, error_details_pb2.RetryInfo)
            self.assertGreater(retry.retry_delay.ToNanoseconds(), 0)
            pushback = dict(error.trailing_metadata())["grpc-retry-pushback-ms"]
            self.assertGreater(int(pushback), 0)
        self.assertEqual(
            self.server.metric("peregrine_requests_total",
                               outcome="resource_exhausted"), len(errors))

    def test_a_refusal_is_quick(self):
        """By the server's own log: neither this client nor the scheduler of a
        shared machine is in it, so that the promise itself can be asked for."""
        work = pb.TranslateRequest(
            texts=[pb.Text(text=t) for t in harness.english_sentences()])
        calls = [self.server.stub.Translate.future(work) for _ in range(200)]
        for call in calls:
            call.exception()

        def refusals():
            lines = [json.loads(line)
                     for line in self.server.log().splitlines()
                     if line.startswith("{")]
            return sorted(line["seconds"] for line in lines
                          if line["outcome"] == "resource_exhausted")
        end = time.monotonic() + 10
        while len(refusals()) < 20:
            self.assertLess(time.monotonic(), end, "too few were refused")
            time.sleep(0.05)
        found = refusals()
        self.assertLess(found[len(found) // 2], 0.005)

    def test_more_than_the_queue_can_ever_hold(self):
        self.assert_refused(
            grpc.StatusCode.INVALID_ARGUMENT,
            lambda: self.server.translate(" ".join(MUCH)))

    def test_the_client_gets_through_a_full_queue(self):
        """`peregrine translate` sends again what was refused."""
        text = "\n".join(MUCH).encode()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(
                lambda _: harness.client(self.server, "translate", stdin=text),
                range(4)))
        for run in runs:
            self.assertEqual(run.returncode, 0, run.stderr.decode())
            self.assertEqual(run.stdout, runs[0].stdout)
            self.assertEqual(run.stdout.count(b"\n"), len(MUCH))


class DrainTest(unittest.TestCase):

    def test_sigterm_under_load_fails_no_request(self):
        """Calls that were accepted are answered; later ones are told to go
        elsewhere; the server ends with 0."""
        server = harness.Server()
        sentences = harness.english_sentences()
        expected = [t.hypotheses[0].text
                    for t in server.translate(*sentences).translations]
        outcomes = []
        lock = threading.Lock()

        def call_until_refused():
            while True:
                try:
                    response = server.translate(*sentences)
                    found = [t.hypotheses[0].text
                             for t in response.translations]
                    outcome = "ok" if found == expected else "wrong"
                except grpc.RpcError as error:
                    outcome = error.code()
                with lock:
                    outcomes.append(outcome)
                if outcome != "ok":
                    return

        callers = [threading.Thread(target=call_until_refused)
                   for _ in range(8)]
        for caller in callers:
            caller.start()
        end = time.monotonic() + 60
        while "ok" not in outcomes:
            self.assertLess(time.monotonic(), end, "nobody was served")
            time.sleep(0.01)
        server.terminate()
        for caller in callers:
            caller.join(timeout=60)
            self.assertFalse(caller.is_alive())
        self.assertEqual(server.stop(), 0)
        self.assertIn("ok", outcomes)
        self.assertEqual(set(outcomes) - {"ok"},
                         {grpc.StatusCode.UNAVAILABLE}, outcomes)

    def test_sigterm_ends_a_stream_after_its_answers(self):
        server = harness.Server("--workers=1")
        sent = []
        received = []
        gone_on = threading.Event()

        def texts():
            for i, text in enumerate(MUCH):
                sent.append(str(i))
                yield pb.TranslateStreamRequest(id=str(i),
                                                text=pb.Text(text=text))
                if i == 30:
                    gone_on.set()

        call = server.stub.TranslateStream(texts())
        try:
            for answer in call:
                received.append(answer)
                if gone_on.is_set() and len(received) == 20:
                    server.terminate()
            code = call.code()
        except grpc.RpcError as error:
            code = error.code()
        self.assertEqual(server.stop(), 0)
        self.assertEqual(code, grpc.StatusCode.UNAVAILABLE)
        self.assertGreaterEqual(len(received), 20)
        self.assertEqual(len({a.id for a in received}), len(received))
        for answer in received:
            self.assertTrue(answer.HasField("translation"), answer)

    def test_sigterm_without_load(self):
        # Were it to wait for that, stop() would fail.
        server = harness.Server("--drain-timeout=10m")
        self.assertEqual(server.stop(), 0)

    def test_the_client_survives_a_restart(self):
        """A bulk translation goes on where it was when the server is replaced
        under it."""
        port = harness.free_port()
        address = f"127.0.0.1:{port}"
        text = "\n".join(MUCH * 8).encode()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            with harness.Server(listen=address) as first:
                run = pool.submit(harness.client, first, "translate",
                                  stdin=text, address=address)
                end = time.monotonic() + 60
                while first.metric("peregrine_sentences_total",
                                   outcome="ok") < 30:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.01)
            self.assertFalse(run.done(), "too little text for this test")
            with harness.Server(listen=address) as second:
                result = run.result(timeout=120)
                sentences = harness.english_sentences()
                alone = [best(second.translate(s)) for s in sentences]
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.assertEqual(result.stdout.decode().splitlines(), alone * 160)


if __name__ == "__main__":
    unittest.main()
