"""The cache of translations of a running server: what is answered from it is
what the model answers, and nothing is that should not be."""

import concurrent.futures
import hashlib
import os
import tempfile
import unittest

import grpc
import harness
from harness import best, pb
from peregrine.v1 import admin_pb2, admin_pb2_grpc

SENTENCES = ["The dog sleeps under the table.",
             "My sister has bought two red chairs.",
             "It was raining when we left the house."]
SHARED = "peregrine_cache_sentences_total"


def content(translation):
    """All of it but what it took."""
    copy = pb.Translation()
    copy.CopyFrom(translation)
    copy.ClearField("cost")
    return copy.SerializeToString(deterministic=True)


class CacheTest(harness.ServerTestCase):

    FLAGS = ("--cache-mib=8",)

    def counts(self):
        return {found: self.server.metric(SHARED, found=found)
                for found in ("hit", "joined", "miss")}

    def decoded(self):
        return self.server.metric("peregrine_sentences_total", outcome="ok")

    def test_hits_are_byte_for_byte_what_misses_are(self):
        options = [{}, {"beam_size": 1}, {"num_hypotheses": 3},
                   {"return_token_scores": True, "return_alignments": True},
                   {"sampling": pb.Sampling(top_k=5, seed=3)},
                   {"target_prefix": pb.Phrase(text="Es")},
                   {"must_not_contain": [pb.Phrase(text="der")]},
                   {"length_penalty": 0.2, "max_length": 7}]
        for sentence in ("The farmer sold his oldest horse.",
                         "Why did nobody answer the telephone?"):
            for chosen in options:
                with self.subTest(sentence=sentence, options=chosen):
                    answers = [
                        self.server.translate(sentence, options=chosen,
                                              no_cache=no_cache)
                        for no_cache in (False, False, True)]
                    texts = [answer.translations[0] for answer in answers]
                    self.assertEqual(
                        [text.cost.cached_sentences for text in texts],
                        [0, 1, 0])
                    self.assertEqual(content(texts[1]), content(texts[0]))
                    self.assertEqual(content(texts[2]), content(texts[0]))
                    cost = texts[1].cost
                    self.assertEqual(cost.target_tokens,
                                     texts[0].cost.target_tokens)
                    self.assertEqual(cost.decode.ToNanoseconds(), 0)

    def test_an_edited_document_is_translated_where_it_changed(self):
        document = " ".join(SENTENCES) + "\nThe end of the story is sad."
        first = self.server.translate(document).translations[0]
        edited = self.server.translate(
            document.replace("is sad", "is happy")).translations[0]
        self.assertEqual(edited.cost.sentences, 4)
        self.assertEqual(edited.cost.cached_sentences, 3)
        self.assertEqual(edited.hypotheses[0].text.split("\n")[0],
                         first.hypotheses[0].text.split("\n")[0])
        self.assertNotEqual(best_line(edited), best_line(first))

    def test_markup_and_its_plain_text_share_what_the_model_sees_alike(self):
        self.server.translate("A friend of mine lives here.")
        html = self.server.translate(
            "<p>A friend of mine lives here.</p>",
            text_options=pb.TextOptions(format=pb.FORMAT_HTML))
        self.assertEqual(html.translations[0].cost.cached_sentences, 1)
        self.assertTrue(best(html).startswith("<p>"))

    def test_equal_sentences_at_a_time_are_decoded_once(self):
        text = "The children were singing while the cat looked at the birds."
        before, decoded = self.counts(), self.decoded()
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(
                lambda _: best(self.server.translate(text)), range(48)))
        self.assertEqual(len(set(answers)), 1)
        after = self.counts()
        self.assertEqual(after["miss"] - before["miss"], 1)
        self.assertEqual(self.decoded() - decoded, 1)
        self.assertEqual(sum(after.values()) - sum(before.values()), 48)

    def test_calls_that_ask_for_none_by_a_header(self):
        text = "Nobody had seen the old bridge before."
        decoded = self.decoded()
        for _ in range(2):
            request = pb.TranslateRequest(texts=[pb.Text(text=text)])
            self.server.stub.Translate(
                request, timeout=harness.CALL_SECONDS,
                metadata=[("cache-control", "max-age=0, No-Cache")])
        self.assertEqual(self.decoded() - decoded, 2)
        answer = self.server.translate(text).translations[0]
        self.assertEqual(answer.cost.cached_sentences, 0, "it was kept")

    def test_streams_share_it(self):
        requests = [pb.TranslateStreamRequest(id=str(i), text=pb.Text(
            text="We shall meet at the old mill.")) for i in range(8)]
        answers = list(self.server.stub.TranslateStream(
            iter(requests), timeout=harness.CALL_SECONDS))
        self.assertEqual(
            sum(a.translation.cost.cached_sentences for a in answers), 7)
        self.assertEqual(len({a.translation.hypotheses[0].text
                              for a in answers}), 1)

    def test_metrics(self):
        self.server.translate("One more sentence that nobody knows.")
        before = self.server.metric("peregrine_cache_saved_seconds_total")
        self.server.translate("One more sentence that nobody knows.")
        self.assertGreater(
            self.server.metric("peregrine_cache_saved_seconds_total"), before)
        self.assertGreater(self.server.metric("peregrine_cache_entries"), 0)
        size = self.server.metric("peregrine_cache_bytes")
        most = self.server.metric("peregrine_cache_max_bytes")
        self.assertEqual(most, 8 << 20)
        self.assertTrue(0 < size <= most, size)


def best_line(translation):
    return translation.hypotheses[0].text.split("\n")[1]


class CacheOfClientsTest(unittest.TestCase):

    def test_clients_share_nothing_where_told_so(self):
        tokens = {"one": "first-token", "two": "second-token"}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tokens")
            with open(path, "w", encoding="utf-8") as file:
                for name, token in tokens.items():
                    digest = hashlib.sha256(token.encode()).hexdigest()
                    file.write(f"{name} {digest}\n")
            for flags, shared in (((), 1), (("--cache-per-client",), 0)):
                with harness.Server("--cache-mib=8", f"--token-file={path}",
                                    *flags) as server:
                    cached = [self.cached(server, tokens[name])
                              for name in ("one", "two", "one")]
                self.assertEqual(cached, [0, shared, 1])

    @staticmethod
    def cached(server, token):
        answer = server.stub.Translate(
            pb.TranslateRequest(texts=[pb.Text(text=SENTENCES[0])]),
            timeout=harness.CALL_SECONDS,
            metadata=[("authorization", f"Bearer {token}")])
        return answer.translations[0].cost.cached_sentences

    def test_those_without_a_name_share_nothing_then(self):
        with harness.Server("--cache-mib=8", "--cache-per-client") as server:
            for _ in range(2):
                cost = server.translate(SENTENCES[0]).translations[0].cost
                self.assertEqual(cost.cached_sentences, 0)

    def test_it_can_be_off(self):
        with harness.Server("--cache-mib=0") as server:
            for _ in range(2):
                cost = server.translate(SENTENCES[0]).translations[0].cost
                self.assertEqual(cost.cached_sentences, 0)
            self.assertNotIn("peregrine_cache_bytes",
                             server.metric_families())

    def test_a_reload_of_the_same_files_keeps_it(self):
        """The revision is that of the files."""
        with harness.Server("--cache-mib=8",
                            "--admin-listen=127.0.0.1:0") as server:
            server.translate(SENTENCES[0])
            with grpc.insecure_channel(server.admin_address) as channel:
                admin_pb2_grpc.AdminServiceStub(channel).ReloadModel(
                    admin_pb2.ReloadModelRequest(name=harness.MODEL),
                    timeout=harness.CALL_SECONDS)
            cost = server.translate(SENTENCES[0]).translations[0].cost
            self.assertEqual(cost.cached_sentences, 1)


if __name__ == "__main__":
    unittest.main()
