"""Two models in a row where no model translates a pair: routing, markup and
protected spans, flags, cost and deadlines of both.

The first is the bundled model; the second is the same under other languages, so
that what it is shown must come from the first. Its translations are no Dutch."""

import concurrent.futures
import json
import os
import tempfile
import time
import unittest

import grpc
import harness
from harness import best, pb

MADE = "de-nl"


def make_model(folder, name, source, target):
    """The bundled model under other languages."""
    directory = os.path.join(folder, name)
    os.mkdir(directory)
    for file in os.listdir(harness.MODEL_DIR):
        if file != "config.json":
            os.symlink(os.path.join(harness.MODEL_DIR, file),
                       os.path.join(directory, file))
    with open(os.path.join(harness.MODEL_DIR, "config.json"),
              encoding="utf-8") as file:
        config = json.load(file)
    config.update(name=name, source_language=source, target_language=target)
    with open(os.path.join(directory, "config.json"), "w",
              encoding="utf-8") as file:
        json.dump(config, file)
    return directory


class PivotTest(harness.ServerTestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        second = make_model(cls.folder.name, MADE, "de", "nl")
        cls.server = harness.Server(
            "--cache-mib=8", f"--glossaries={cls.glossaries(cls.folder.name)}",
            models=(harness.MODEL_DIR, second))
        cls.expected = None

    @staticmethod
    def glossaries(folder):
        """One between the outer languages, one of the first model alone."""
        folder = os.path.join(folder, "glossaries")
        os.mkdir(folder)
        for name, pair, line in (
                ("weather", "en nl", "weather station\tweerstation"),
                ("first", "en de", "weather station\tWetterwarte")):
            with open(os.path.join(folder, f"{name}.tsv"), "w",
                      encoding="utf-8") as file:
                file.write(f"# languages: {pair}\n{line}\n")
        return folder

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def tearDown(self):
        self.assertIsNone(self.server.process.poll(), "the server died")

    def translate(self, *texts, **fields):
        return self.server.translate(*texts, source_language="en",
                                     target_language="nl", **fields)

    def leg(self, model, *texts, **fields):
        return self.server.translate(*texts, model=model, **fields)

    def test_it_is_what_both_models_make_in_turn(self):
        texts = ["The house is small. It stands by the river.",
                 "My brother has two dogs.\n\nThey are old."]
        options = {"beam_size": 3}
        answer = self.translate(*texts, options=options)
        self.assertEqual(answer.model, MADE)
        self.assertEqual(answer.pivot.model, harness.MODEL)
        self.assertEqual(answer.pivot.language, "de")
        self.assertEqual((answer.source_language, answer.target_language),
                         ("en", "nl"))
        self.assertTrue(answer.pivot.revision)
        first = self.leg(harness.MODEL, *texts, options=options)
        between = [one.hypotheses[0].text for one in first.translations]
        last = self.leg(MADE, *between, options=options)
        for both, one, two in zip(answer.translations, first.translations,
                                  last.translations):
            self.assertEqual(both.intermediate.text, one.hypotheses[0].text)
            self.assertEqual(both.hypotheses[0], two.hypotheses[0])
            self.assertEqual(both.cost.source_tokens,
                             one.cost.source_tokens + two.cost.source_tokens)
            self.assertEqual(both.cost.sentences, 4)
            self.assertEqual(set(both.flags), set(one.flags) | set(two.flags))
            self.assertEqual(list(both.intermediate.flags), list(one.flags))

    def test_texts_of_several_languages_go_their_own_ways(self):
        texts = ["The old house stands by the river, near the bridge.",
                 "Am Wochenende streichen die Nachbarn ihre Küche neu.",
                 "12 + 30", "My brother has two big dogs and a small cat."]

        def translate(*some, **fields):
            return self.server.translate(*some, source_language="auto",
                                         target_language="nl", **fields)

        answer = translate(*texts)
        self.assertEqual((answer.model, answer.revision), ("", ""))
        self.assertFalse(answer.HasField("pivot"))
        for text, together in zip(texts, answer.translations):
            if text == "12 + 30":
                self.assertEqual(together.hypotheses[0].text, text)
                continue
            alone = translate(text)
            self.assertEqual(together.hypotheses[0],
                             alone.translations[0].hypotheses[0])
            self.assertEqual(together.detected.language,
                             alone.translations[0].detected.language)
            self.assertEqual(together.route.model, alone.model)
            self.assertEqual(together.route.revision, alone.revision)
            self.assertEqual(together.route.pivot, alone.pivot)
            self.assertFalse(alone.translations[0].HasField("route"))
        self.assertEqual([t.route.pivot.model for t in answer.translations[:2]],
                         [harness.MODEL, ""])
        # Fields at fault are those of the whole request.
        bad = pb.Text(text=texts[1], options=pb.DecodingOptions(beam_size=99))
        self.assert_invalid("texts[1].options.beam_size",
                            lambda: translate(texts[0], bad))
        count = 600
        self.assert_invalid("texts", lambda: translate(*texts[:2] * count))
        self.assertEqual(len(translate(*texts[:2] * 10).translations), 20)

    def test_ranges_of_sentences_are_those_of_the_source(self):
        text = "The dog barks. The cat sleeps."
        answer = self.translate(text).translations[0]
        found = [text[r.source.begin:r.source.end] for r in answer.sentences]
        self.assertEqual(" ".join(found), text)
        whole = best(self.translate(text)).encode()
        self.assertEqual(answer.sentences[-1].target.end, len(whole))

    def test_markup_and_what_is_protected_survive_both(self):
        html = ('<p>See <a href="https://example.org/a?b=1">the page</a> of '
                "<code>run_me()</code>.</p><ul><li>Write to "
                "mail@example.org.</li></ul>")
        answer = best(self.translate(
            html, text_options=pb.TextOptions(format=pb.FORMAT_HTML)))
        for part in ('<a href="https://example.org/a?b=1">',
                     "<code>run_me()</code>", "<li>", "mail@example.org"):
            self.assertIn(part, answer)
        plain = "Open https://example.org/x and call {name} in Blorktown 7."
        begin = plain.encode().index(b"Blorktown")
        answer = best(self.translate(pb.Text(
            text=plain, protected_ranges=[
                pb.ByteRange(begin=begin, end=begin + 9)])))
        for part in ("https://example.org/x", "{name}", "Blorktown"):
            self.assertIn(part, answer)

    def test_terms_are_those_of_the_last_language(self):
        answer = best(self.translate(
            "The weather station is new.", text_options=pb.TextOptions(
                terms=[pb.Term(source="weather station",
                               targets=["weerstation"])])))
        self.assertIn("weerstation", answer)
        self.assertNotIn("weather", answer)

    def test_stored_glossaries_are_those_of_the_outer_languages(self):
        text = "The weather station is new."
        answer = best(self.translate(text, text_options=pb.TextOptions(
            glossaries=["weather"])))
        self.assertIn("weerstation", answer)
        self.assertNotIn("weather", answer)
        # Terms of the request come before those that are stored.
        answer = best(self.translate(text, text_options=pb.TextOptions(
            glossaries=["weather"],
            terms=[pb.Term(source="weather station", targets=["meteo"])])))
        self.assertIn("meteo", answer)
        self.assertNotIn("weerstation", answer)
        with self.assertRaises(grpc.RpcError) as caught:
            self.translate(text, text_options=pb.TextOptions(
                glossaries=["first"]))
        self.assertEqual(caught.exception.code(),
                         grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("text_options.glossaries", caught.exception.details())

    def test_texts_without_words(self):
        answer = self.translate("", "  \n", "12 + 3", "One word.")
        self.assertEqual([one.hypotheses[0].text
                          for one in answer.translations[:2]], ["", "  \n"])
        self.assertTrue(best(answer) == "" and answer.pivot.language == "de")

    def test_the_source_is_detected(self):
        text = "The neighbours are painting their kitchen this weekend."
        answer = self.server.translate(text, source_language="auto",
                                       target_language="nl")
        self.assertEqual(answer.translations[0].detected.language, "en")
        self.assertEqual(answer.pivot.model, harness.MODEL)
        german = self.server.translate(
            "Am Wochenende streichen die Nachbarn ihre Küche neu.",
            source_language="auto", target_language="nl")
        self.assertFalse(german.HasField("pivot"))
        self.assertEqual(german.model, MADE)

    def test_options_that_cannot_hold_are_refused(self):
        self.assert_invalid(
            "options.return_alignments", lambda: self.translate(
                "One.", options={"return_alignments": True}))
        self.assert_invalid(
            "texts[1].options.return_alignments", lambda: self.translate(
                "One.", pb.Text(text="Two.", options=pb.DecodingOptions(
                    return_alignments=True))))
        self.assert_invalid("options.beam_size", lambda: self.translate(
            "One.", options={"beam_size": 1000}))
        self.assert_invalid("target_language", lambda: (
            self.server.stub.TranslateTokens(pb.TranslateTokensRequest(
                sources=[pb.TokenSequence(tokens=["▁One"])],
                source_language="en", target_language="nl"))))
        self.assert_invalid("target_language", lambda: (
            self.server.stub.ScoreTexts(pb.ScoreTextsRequest(
                pairs=[pb.TextPair(source=pb.Phrase(text="a"),
                                   target=pb.Phrase(text="b"))],
                source_language="en", target_language="nl"))))

    def test_demands_are_made_of_the_last_model(self):
        answer = self.translate(
            "The house is small.", single_sentence=True,
            options={"target_prefix": pb.Phrase(text="Dat"),
                     "num_hypotheses": 3, "return_token_scores": True})
        self.assertEqual(len(answer.translations[0].hypotheses), 3)
        self.assertTrue(best(answer).startswith("Dat"))
        self.assertTrue(answer.translations[0].hypotheses[0].tokens)
        self.assertFalse(
            answer.translations[0].intermediate.text.startswith("Dat"))

    def test_a_deadline_covers_both(self):
        text = " ".join(["The old man walked slowly along the road."] * 40)
        with self.assertRaises(grpc.RpcError) as raised:
            self.translate(text, timeout=0.02, no_cache=True)
        self.assertIn(raised.exception.code(),
                      (grpc.StatusCode.DEADLINE_EXCEEDED,
                       grpc.StatusCode.RESOURCE_EXHAUSTED))

    def test_a_call_that_is_cancelled_leaves_nothing_behind(self):
        text = " ".join(["The young woman wrote a long letter."] * 60)
        request = pb.TranslateRequest(
            texts=[pb.Text(text=text)], source_language="en",
            target_language="nl", no_cache=True)
        for delay in (0.0, 0.02, 0.1, 0.3):
            future = self.server.stub.Translate.future(request, timeout=60)
            time.sleep(delay)
            future.cancel()
        end = time.monotonic() + 20
        while self.server.metric("peregrine_calls_in_flight") > 0:
            self.assertLess(time.monotonic(), end, "calls are still open")
            time.sleep(0.05)

    def test_streams_and_many_at_a_time(self):
        texts = [f"The number of the house is {i}." for i in range(40)]
        requests = [pb.TranslateStreamRequest(
            id=str(i), text=pb.Text(text=text), source_language="en",
            target_language="nl") for i, text in enumerate(texts)]
        answers = {a.id: a for a in self.server.stub.TranslateStream(
            iter(requests), timeout=harness.CALL_SECONDS)}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            alone = list(pool.map(lambda t: best(self.translate(t)), texts))
        for i, expected in enumerate(alone):
            answer = answers[str(i)]
            self.assertEqual(answer.translation.hypotheses[0].text, expected)
            self.assertEqual(answer.pivot.language, "de")
            self.assertTrue(answer.translation.intermediate.text)

    def test_stable_text_is_that_of_the_last_model(self):
        text = "The old man sings. The young woman has bought a garden."
        request = pb.TranslateStreamRequest(
            id="x", text=pb.Text(text=text), source_language="en",
            target_language="nl", return_stable_text=True, no_cache=True)
        *stable, answer = self.server.stub.TranslateStream(
            iter([request]), timeout=harness.CALL_SECONDS)
        told = "".join(one.stable_text.text for one in stable)
        self.assertTrue(told)
        final = answer.translation.hypotheses[0].text
        self.assertTrue(final.startswith(told), (final, told))
        # Nobody has measured two models in a row.
        for sentence in answer.translation.sentences:
            self.assertFalse(sentence.HasField("confidence"))

    def test_the_cache_serves_both(self):
        text = "The painter has washed all his brushes."
        self.translate(text)
        cost = self.translate(text).translations[0].cost
        self.assertEqual((cost.sentences, cost.cached_sentences), (2, 2))

    def test_it_is_listed_and_counted(self):
        languages = {one.language: one
                     for one in self.server.stub.ListLanguages(
                         pb.ListLanguagesRequest(), timeout=10).languages}
        self.assertEqual(list(languages["en"].targets), ["de", "nl"])
        self.assertEqual(list(languages["en"].pivot_targets), ["nl"])
        self.assertEqual(list(languages["de"].targets), ["nl"])
        names = ("peregrine_pivot_requests_total", "peregrine_requests_total")

        def counts():
            return [self.server.metric(name, model=model) for name in names
                    for model in (MADE, harness.MODEL)]
        before = counts()
        self.translate("Good morning!")
        self.assertEqual([now - then for now, then in zip(counts(), before)],
                         [1, 0, 1, 1])


class NoPivotTest(unittest.TestCase):

    def test_it_can_be_off(self):
        with tempfile.TemporaryDirectory() as folder:
            second = make_model(folder, MADE, "de", "nl")
            with harness.Server("--pivot=off", models=(
                    harness.MODEL_DIR, second)) as server:
                with self.assertRaises(grpc.RpcError) as raised:
                    server.translate("One.", source_language="en",
                                     target_language="nl")
                self.assertIn("the models translate into de",
                              raised.exception.details())


if __name__ == "__main__":
    unittest.main()
