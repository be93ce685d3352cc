"""Source and target language per request, on models of several languages and of
one pair."""

import concurrent.futures
import json
import os
import unittest

import grpc
import harness
from harness import best, pb

GOLDEN = os.path.join(harness.SOURCE_DIR, "tests", "golden")
NLLB = os.path.join(GOLDEN, "hf-nllb")
LANGUAGES = ["deu_Latn", "eng_Latn", "rus_Cyrl", "zho_Hans"]
# transformers shows the model all of a text.
KINDS = ["url", "email", "path", "placeholder", "shortcode", "mention", "tag",
         "version", "code", "emoji", "unknown", "number"]
ALL_SHOWN = pb.TextOptions(unprotected=KINDS, keep_capitals=True)


def golden():
    """Texts with their languages, and what transformers makes of them."""
    with open(os.path.join(NLLB, "golden.json"), encoding="utf-8") as file:
        content = json.load(file)
    defaults = next(s for s in content["searches"] if not s["options"])
    return [(sentence["text"], *sentence["languages"], ranked[0]["text"])
            for sentence, ranked in zip(content["sentences"],
                                        defaults["hypotheses"])]


def solid(text):
    """Without white space, which comes back here as it was in the source."""
    return "".join(text.split())


class LanguagesTest(harness.ServerTestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = harness.Server("--precision=float32",
                                    models=(NLLB, harness.MODEL_DIR))

    def tearDown(self):
        """Whatever was sent: the server still translates."""
        text, source, target, expected = golden()[0]
        self.assertEqual(solid(best(self.translate(text, source, target))),
                         solid(expected))

    def translate(self, text, source, target, **fields):
        return self.server.translate(
            text, model="hf-nllb", source_language=source,
            target_language=target, single_sentence=True,
            text_options=ALL_SHOWN, **fields)

    def test_languages_side_by_side_are_those_of_transformers(self):
        """All at once, so that a batch has rows of several languages."""
        cases = golden() * 4
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            answers = pool.map(lambda c: best(self.translate(*c[:3])), cases)
        self.assertGreater(len({case[1:3] for case in cases}), 2)
        self.assertEqual([solid(answer) for answer in answers],
                         [solid(case[3]) for case in cases])

    def test_the_model_lists_its_languages(self):
        model = self.server.stub.GetModel(pb.GetModelRequest(name="hf-nllb"))
        self.assertEqual(list(model.languages), LANGUAGES)
        self.assertEqual(model.source_language, "eng_Latn")
        self.assertEqual(model.target_language, "")

    def test_the_source_has_a_default(self):
        text = golden()[0][0]
        self.assertEqual(best(self.translate(text, "", "zho_Hans")),
                         best(self.translate(text, "eng-latn", "ZHO-Hans")))

    def test_an_unknown_language_is_told_the_known(self):
        error = self.assert_invalid(
            "target_language",
            lambda: self.translate("x", "eng_Latn", "fra_Latn"))
        self.assertIn("found \"fra_Latn\" (French)", error.details())
        for language in LANGUAGES:
            self.assertIn(language, error.details())
        self.assert_invalid("source_language",
                            lambda: self.translate("x", "fr", "rus_Cyrl"))
        self.assert_invalid("target_language",
                            lambda: self.translate("x", "eng_Latn", ""))

    def test_any_name_of_a_language_will_do(self):
        text, _, _, expected = golden()[0]
        source, target = golden()[0][1:3]
        names = {"eng_Latn": ("en", "EN-us", "eng"),
                 "deu_Latn": ("de", "ger", "de_AT"),
                 "rus_Cyrl": ("ru", "RUS", "ru-Cyrl"),
                 "zho_Hans": ("zh", "zh-CN", "zh-Hans")}
        for pair in zip(names[source], names[target]):
            answer = self.translate(text, *pair)
            self.assertEqual(best(answer), expected, pair)
            self.assertEqual(
                (answer.source_language, answer.target_language),
                (source, target))

    def test_languages_choose_the_model(self):
        for source, target, model in (
                ("en", "de", harness.MODEL), ("en-GB", "deu", harness.MODEL),
                ("ru", "zh-CN", "hf-nllb"), ("de", "en", "hf-nllb")):
            answer = self.server.translate("x", source_language=source,
                                           target_language=target)
            self.assertEqual(answer.model, model, (source, target))
        error = self.assert_invalid(
            "source_language", lambda: self.server.translate(
                "x", source_language="sv", target_language="de"))
        self.assertIn("(Swedish)", error.details())
        self.assert_invalid("model", lambda: self.server.translate("x"))

    def test_the_source_is_detected(self):
        english = "The neighbours are painting their kitchen this weekend."
        german = "Am Wochenende streichen die Nachbarn ihre Küche neu."
        answer = self.server.translate(english, target_language="de")
        self.assertEqual(answer.model, harness.MODEL)
        detected = answer.translations[0].detected
        self.assertEqual((detected.language, detected.certainty),
                         ("en", pb.CERTAINTY_SURE))
        self.assertGreater(detected.confidence, 0.5)
        self.assertEqual(answer.source_language, "")
        answer = self.server.translate(english, german, target_language="ru")
        self.assertEqual([t.detected.language for t in answer.translations],
                         ["eng_Latn", "deu_Latn"])
        answer = self.server.translate(german, target_language="en",
                                       source_language="auto")
        self.assertEqual(answer.translations[0].detected.language, "deu_Latn")

    def test_languages_are_listed(self):
        answer = self.server.stub.ListLanguages(
            pb.ListLanguagesRequest(display_language="fr"))
        self.assertEqual(
            {l.language: (l.display_name, l.own_name, list(l.targets))
             for l in answer.languages},
            {"de": ("allemand", "Deutsch", ["en", "ru", "zh"]),
             "en": ("anglais", "English", ["de", "ru", "zh"]),
             "ru": ("russe", "русский", ["de", "en", "zh"]),
             "zh": ("chinois", "中文", ["de", "en", "ru"])})
        self.assert_invalid(
            "display_language", lambda: self.server.stub.ListLanguages(
                pb.ListLanguagesRequest(display_language="in French")))
        answer = self.server.stub.ListLanguages(
            pb.ListLanguagesRequest(model=harness.MODEL))
        self.assertEqual([(l.language, l.is_target) for l in answer.languages],
                         [("de", True), ("en", False)])

    def test_texts_are_told_their_languages(self):
        german = "Am Wochenende streichen die Nachbarn ihre Küche neu."
        english = "Could you tell me where the station is, please?"
        answer = self.server.stub.DetectLanguage(pb.DetectLanguageRequest(
            texts=[f"{german} {english}", "OK", ""], by_sentence=True))
        sentences = answer.detections[0].sentences
        self.assertEqual([s.detected.language for s in sentences],
                         ["de", "en"])
        text = f"{german} {english}".encode()
        self.assertEqual(text[sentences[1].begin:sentences[1].end].decode(),
                         english)
        self.assertEqual([d.certainty for d in answer.detections[1:]],
                         [pb.CERTAINTY_TOO_SHORT] * 2)
        swedish = "Grannarna målar om sitt kök i gult den här helgen."
        for any_language, expected in ((True, "sv"), (False, None)):
            found = self.server.stub.DetectLanguage(pb.DetectLanguageRequest(
                texts=[swedish], any_language=any_language)).detections[0]
            if expected:
                self.assertEqual(found.languages[0].language, expected)
            else:
                self.assertNotEqual(found.certainty, pb.CERTAINTY_SURE)
        mixed = ("The dog is barking at the neighbours again. "
                 "Das Haus ist klein und alt.")
        found = self.server.stub.DetectLanguage(pb.DetectLanguageRequest(
            texts=[mixed])).detections[0]
        self.assertEqual([l.language for l in found.languages], ["en", "de"])
        self.assertAlmostEqual(sum(l.share for l in found.languages), 1,
                               delta=0.01)
        self.assertGreater(found.languages[0].share, found.languages[1].share)
        self.assertFalse(found.sentences)
        self.assert_invalid("texts[1]", lambda: self.server.stub.DetectLanguage(
            pb.DetectLanguageRequest(texts=["x", "y" * 100000])))
        self.assert_invalid("texts", lambda: self.server.stub.DetectLanguage(
            pb.DetectLanguageRequest()))

    def test_tokens_and_streams(self):
        source, target = "rus_Cyrl", "eng_Latn"
        request = pb.TranslateTokensRequest(
            model="hf-nllb", sources=[pb.TokenSequence(tokens=["\u2581"])],
            source_language=source, target_language=target)
        answer = self.server.stub.TranslateTokens(request)
        self.assertEqual(answer.translations[0].hypotheses[0].tokens[0], target)
        text, source, target, expected = golden()[1]
        stream = self.server.stub.TranslateStream(iter([
            pb.TranslateStreamRequest(
                id="known", model="hf-nllb", text=pb.Text(text=text),
                single_sentence=True, source_language=source,
                target_language=target, text_options=ALL_SHOWN),
            pb.TranslateStreamRequest(
                id="unknown", model="hf-nllb", text=pb.Text(text=text),
                source_language=source, target_language="x")]))
        answers = {answer.id: answer for answer in stream}
        self.assertEqual(
            solid(answers["known"].translation.hypotheses[0].text),
            solid(expected))
        self.assertEqual(answers["unknown"].error.code,
                         grpc.StatusCode.INVALID_ARGUMENT.value[0])
        self.assertIn("target_language", answers["unknown"].error.message)

    def test_a_model_of_one_pair_has_only_its_own(self):
        def translate(source, target):
            return self.server.translate(
                "The house.", model=harness.MODEL, source_language=source,
                target_language=target)
        self.assertEqual(best(translate("en", "DE")), best(translate("", "")))
        self.assert_invalid("target_language", lambda: translate("en", "fr"))
        self.assert_invalid("source_language", lambda: translate("de", "de"))

    def test_the_command(self):
        text, source, target, expected = golden()[0]
        flags = ("translate", "--model=hf-nllb", "--single-sentence",
                 "--keep-capitals", *(f"--unprotected={k}" for k in KINDS), text)
        done = harness.client(self.server, *flags, f"--from={source}",
                              f"--to={target}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(solid(done.stdout.decode()), solid(expected))
        refused = harness.client(self.server, *flags)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"target_language: found none, expected one of",
                      refused.stderr)
        listed = harness.client(self.server, "models", "hf-nllb")
        self.assertIn(", ".join(LANGUAGES).encode(), listed.stdout)


if __name__ == "__main__":
    unittest.main()
