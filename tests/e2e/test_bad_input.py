"""What a caller who does something wrong gets: a reason, and no harm to
others."""

import threading
import unittest

import grpc
import harness
from harness import best, pb

NAN = float("nan")
INFINITY = float("inf")


class BadInputTest(harness.ServerTestCase):

    def assert_same_back(self, text):
        response = self.server.translate(text)
        self.assertEqual(best(response), text)
        self.assertEqual(response.translations[0].cost.sentences, 0)

    def test_empty_text_comes_back(self):
        self.assert_same_back("")

    def test_white_space_comes_back(self):
        for text in (" ", "\n", " \t\r\n\u00a0\u3000 "):
            with self.subTest(repr(text)):
                self.assert_same_back(text)

    def test_no_texts(self):
        self.assert_invalid("texts", self.server.translate)

    def test_ten_thousand_texts(self):
        self.assert_invalid("texts",
                            lambda: self.server.translate(*["x"] * 10_000))

    def test_text_too_long(self):
        error = self.assert_invalid(
            "texts[1].text",
            lambda: self.server.translate("fine", "word " * 20_000))
        self.assertIn("100000", error.details())

    def test_a_message_beyond_the_size_limit(self):
        error = self.assert_refused(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            lambda: self.server.translate("x" * 64_000_000))
        self.assertIn("larger than max", error.details())

    def test_one_word_of_ten_thousand_letters(self):
        """Cut inside, and flagged."""
        translation = self.server.translate(
            "x" * 10_000, options={"beam_size": 1}).translations[0]
        self.assertIn(pb.FLAG_SOURCE_SPLIT, translation.flags)

    def test_strange_text_is_translated(self):
        for text in ("\0", "a\0b", "\ufeffThe house", "\u202eesuoh", "\u0301",
                     "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\uffff",
                     "....", "?" * 500, "\u4f60\u597d", "<unk> </s> <s>"):
            with self.subTest(repr(text)):
                response = self.server.translate(text)
                self.assertEqual(len(response.translations), 1)

    def test_bytes_that_are_not_utf8(self):
        for bad in (b"\xff", b"\xc3", b"a\xed\xa0\x80b", b"\xc0\xaf"):
            with self.subTest(bad):
                text = b"\x0a" + bytes([len(bad)]) + bad
                request = b"\x12" + bytes([len(text)]) + text
                error = self.assert_refused(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    lambda: self.server.translate_raw(request))
                self.assertIn("UTF-8", error.details())
                self.assertIn("text", error.details())

    def test_bytes_that_are_no_message(self):
        for request in (b"\xff\xff\xff", b"\x12\x7f", b"\x00"):
            with self.subTest(request):
                self.assert_refused(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    lambda: self.server.translate_raw(request))

    def test_unknown_model(self):
        error = self.assert_refused(
            grpc.StatusCode.NOT_FOUND,
            lambda: self.server.translate("x", model="no-such"))
        self.assertIn("no-such", error.details())
        self.assertIn(harness.MODEL, error.details())
        self.assert_refused(
            grpc.StatusCode.NOT_FOUND,
            lambda: self.server.stub.GetModel(
                pb.GetModelRequest(name="no-such")))

    def test_hostile_model_name(self):
        self.assert_refused(
            grpc.StatusCode.NOT_FOUND,
            lambda: self.server.translate("x", model="../" * 10_000 + "\n"))

    def test_each_option_outside_its_limits(self):
        limits = self.server.stub.GetModel(
            pb.GetModelRequest(name=harness.MODEL)).limits
        cases = {
            "beam_size": (0, -1, -2**31, limits.max_beam_size + 1, 2**31 - 1),
            "length_penalty": (NAN, INFINITY, -INFINITY, 5.5, -5.5, 1e30),
            "num_hypotheses": (0, -1, -2**31, limits.max_beam_size + 1),
            "min_length": (-1, -2**31, limits.max_target_tokens + 1,
                           2**31 - 1),
            "max_length": (0, -1, -2**31),
        }
        for field, values in cases.items():
            for value in values:
                with self.subTest(field=field, value=value):
                    self.assert_invalid(
                        f"options.{field}",
                        lambda: self.server.translate(
                            "x", options={field: value}))
                    self.assert_invalid(
                        f"texts[1].options.{field}",
                        lambda: self.server.translate("fine", pb.Text(
                            text="x",
                            options=pb.DecodingOptions(**{field: value}))))

    def test_options_that_do_not_go_together(self):
        for field, options in (
                ("num_hypotheses", {"beam_size": 2, "num_hypotheses": 3}),
                ("min_length", {"min_length": 9, "max_length": 8})):
            with self.subTest(field):
                error = self.assert_refused(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    lambda: self.server.translate("x", options=options))
                self.assertIn(field, error.details())

    def test_options_at_their_limits_are_accepted(self):
        limits = self.server.stub.GetModel(
            pb.GetModelRequest(name=harness.MODEL)).limits
        for options in ({"beam_size": limits.max_beam_size},
                        {"length_penalty": -5.0}, {"length_penalty": 5.0},
                        {"beam_size": 1, "num_hypotheses": 1},
                        {"max_length": 1}, {"max_length": 2**31 - 1},
                        {"min_length": limits.max_target_tokens}):
            with self.subTest(options):
                self.server.translate("The house is small.", options=options)

    def test_tokens(self):
        def translate(*sources):
            return self.server.stub.TranslateTokens(pb.TranslateTokensRequest(
                sources=[pb.TokenSequence(tokens=s) for s in sources]))
        self.assert_invalid("sources", translate)
        limits = self.server.stub.GetModel(
            pb.GetModelRequest(name=harness.MODEL)).limits
        self.assert_invalid(
            "sources[1].tokens",
            lambda: translate(["x"], ["x"] * (limits.max_source_tokens + 1)))
        empty = translate([]).translations[0]
        self.assertEqual(len(empty.hypotheses), 1)

    def test_a_stream_with_bytes_that_are_not_utf8(self):
        call = self.server.channel.stream_stream(
            f"/{harness.SERVICE}/TranslateStream",
            request_serializer=lambda data: data,
            response_deserializer=pb.TranslateStreamResponse.FromString)
        good = pb.TranslateStreamRequest(
            id="good", text=pb.Text(text="The house is small."))
        bad = b"\x0a\x03bad" + b"\x1a\x03" + b"\x0a\x01\xff"
        answers = {a.id: a for a in call(
            iter([bad, good.SerializeToString()]),
            timeout=harness.CALL_SECONDS)}
        self.assertEqual(answers["bad"].error.code, 3)
        self.assertIn("UTF-8", answers["bad"].error.message)
        self.assertEqual(
            answers["good"].translation.hypotheses[0].text, self.expected)

    def test_a_method_that_does_not_exist(self):
        call = self.server.channel.unary_unary(
            f"/{harness.SERVICE}/Transcribe", lambda data: data,
            lambda data: data)
        self.assert_refused(grpc.StatusCode.UNIMPLEMENTED, lambda: call(b""))

    def test_good_callers_do_not_notice_bad_ones(self):
        sentences = harness.english_sentences()
        alone = [best(self.server.translate(text)) for text in sentences]
        stop = threading.Event()
        refused = []

        def be_bad():
            while not stop.is_set():
                for call in (
                        lambda: self.server.translate(
                            "x", options={"beam_size": -1}),
                        lambda: self.server.translate("x", model="no-such"),
                        lambda: self.server.translate_raw(b"\xff"),
                        lambda: self.server.translate(
                            *sentences, timeout=0.002)):
                    try:
                        call()
                    except grpc.RpcError as error:
                        refused.append(error.code())

        bad = [threading.Thread(target=be_bad) for _ in range(2)]
        for thread in bad:
            thread.start()
        try:
            for _ in range(20):
                response = self.server.translate(*sentences)
                self.assertEqual(
                    [t.hypotheses[0].text for t in response.translations],
                    alone)
        finally:
            stop.set()
            for thread in bad:
                thread.join()
        self.assertGreater(len(refused), 20)
        # A deadline that the others' work is in the way of may be met later.
        self.assertEqual(set(refused) - {grpc.StatusCode.RESOURCE_EXHAUSTED}, {
            grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.DEADLINE_EXCEEDED})


class RaisedLimitsTest(harness.ServerTestCase):

    FLAGS = ("--max-texts-per-request=10000", "--max-text-bytes=200000",
             "--max-queue-sentences=20000", "--max-queue-tokens=1000000")

    def test_a_sentence_of_a_hundred_thousand_characters(self):
        text = ("word " * 20_000).strip() + "."
        self.assertEqual(len(text), 100_000)
        translation = self.server.translate(
            text, options={"beam_size": 1}, timeout=300).translations[0]
        self.assertIn(pb.FLAG_SOURCE_SPLIT, translation.flags)
        self.assertGreater(translation.cost.source_tokens, 20_000)
        self.assertGreater(len(translation.hypotheses[0].text), 1000)

    def test_ten_thousand_texts(self):
        response = self.server.translate(
            *["The house is small."] * 10_000, options={"beam_size": 1},
            timeout=300)
        texts = [t.hypotheses[0].text for t in response.translations]
        self.assertEqual(len(texts), 10_000)
        self.assertEqual(len(set(texts)), 1)


if __name__ == "__main__":
    unittest.main()
