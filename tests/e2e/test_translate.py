"""What a caller who does everything right gets."""

import concurrent.futures
import csv
import os
import random
import unittest

import harness
from harness import best, pb


class TranslateTest(harness.ServerTestCase):

    def test_simple_sentences_are_right(self):
        """translations.tsv: sentences no model may get wrong, and all that is
        accepted as right."""
        path = os.path.join(os.path.dirname(__file__), "translations.tsv")
        with open(path, encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter="\t",
                                   quoting=csv.QUOTE_NONE))
        self.assertGreater(len(rows), 0)
        for source, accepted in rows:
            with self.subTest(source):
                self.assertIn(best(self.server.translate(source)),
                              accepted.split("|"))

    def test_answers_stand_in_the_order_of_the_texts(self):
        sentences = harness.english_sentences()
        alone = [best(self.server.translate(text)) for text in sentences]
        together = self.server.translate(*sentences)
        self.assertEqual(
            [t.hypotheses[0].text for t in together.translations], alone)
        self.assertEqual(together.model, harness.MODEL)
        self.assertGreater(len(set(alone)), len(alone) // 2)

    def test_same_bits_whatever_the_company(self):
        """Text and score of a sentence do not depend on what is translated
        beside it, in the same call and in others."""
        sentences = harness.english_sentences()
        alone = {s: self.server.translate(s).translations[0].hypotheses[0]
                 for s in sentences}
        shuffled = random.Random(1)

        def translate_some(_):
            texts = sentences * 2
            shuffled.shuffle(texts)
            return texts, self.server.translate(*texts)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for texts, response in pool.map(translate_some, range(24)):
                for text, translation in zip(texts, response.translations):
                    found = translation.hypotheses[0]
                    self.assertEqual(found.text, alone[text].text)
                    self.assertEqual(found.score, alone[text].score, text)

    def test_hypotheses_are_best_first_and_different(self):
        translation = self.server.translate(
            "The old man bought bread, milk and three apples.",
            options={"beam_size": 4, "num_hypotheses": 4}).translations[0]
        scores = [h.score for h in translation.hypotheses]
        self.assertEqual(len(scores), 4)
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(len({h.text for h in translation.hypotheses}), 4)
        one = self.server.translate(
            "The old man bought bread, milk and three apples.",
            options={"beam_size": 4}).translations[0]
        self.assertEqual(one.hypotheses[0], translation.hypotheses[0])

    def test_options_of_a_text_override_those_of_the_request(self):
        text = "The old man bought bread, milk and three apples."
        response = self.server.translate(
            text, pb.Text(text=text, options=pb.DecodingOptions(
                num_hypotheses=3)),
            options={"beam_size": 3, "num_hypotheses": 1})
        self.assertEqual(
            [len(t.hypotheses) for t in response.translations], [1, 3])

    def test_lengths(self):
        text = "The old man bought bread, milk and three apples."
        short = self.server.translate(
            text, options={"max_length": 3}).translations[0]
        self.assertIn(pb.FLAG_TRUNCATED, short.flags)
        self.assertLessEqual(short.cost.target_tokens, 3)
        long = self.server.translate(
            text, options={"min_length": 40}).translations[0]
        self.assertGreaterEqual(long.cost.target_tokens, 40)

    def test_white_space_between_sentences_and_lines_stays(self):
        first, second = "The house is small.", "I am hungry."
        a = best(self.server.translate(first))
        b = best(self.server.translate(second))
        for between in (" ", "\n", "\n\n\t", "\r\n", "   "):
            with self.subTest(repr(between)):
                response = self.server.translate(
                    f"  {first}{between}{second}\n")
                self.assertEqual(best(response), f"  {a}{between}{b}\n")
                self.assertEqual(response.translations[0].cost.sentences, 2)

    def test_single_sentence_is_not_split(self):
        response = self.server.translate("The house is small. I am hungry.",
                                         single_sentence=True)
        self.assertEqual(response.translations[0].cost.sentences, 1)

    def test_the_cost_is_told(self):
        cost = self.server.translate("The house is small.").translations[0].cost
        self.assertEqual(cost.device, "cpu")
        self.assertEqual(cost.sentences, 1)
        self.assertGreater(cost.source_tokens, 2)
        self.assertGreater(cost.target_tokens, 2)
        self.assertGreater(cost.encode.ToNanoseconds(), 0)
        self.assertGreater(cost.decode.ToNanoseconds(), 0)
        self.assertGreaterEqual(cost.queue.ToNanoseconds(), 0)

    def test_characters_outside_the_vocabulary_are_set_aside(self):
        plain = self.server.translate("The house is small.").translations[0]
        self.assertNotIn(pb.FLAG_UNKNOWN_SOURCE, plain.flags)
        for unknown in ("\U0001F3E0", "\u65e5\u672c"):
            translation = self.server.translate(
                f"The house {unknown} is small.").translations[0]
            # An emoji is protected for what it is.
            self.assertEqual(pb.FLAG_UNKNOWN_SOURCE in translation.flags,
                             unknown == "\u65e5\u672c")
            self.assertEqual(translation.cost.source_tokens,
                             plain.cost.source_tokens)
            text = translation.hypotheses[0].text
            self.assertEqual(text.replace(unknown + " ", ""),
                             plain.hypotheses[0].text)

    def test_models_are_listed(self):
        models = self.server.stub.ListModels(pb.ListModelsRequest()).models
        self.assertEqual([m.name for m in models], [harness.MODEL])
        model = self.server.stub.GetModel(
            pb.GetModelRequest(name=harness.MODEL))
        self.assertEqual(model, models[0])
        self.assertEqual(
            (model.source_language, model.target_language), ("en", "de"))
        self.assertGreater(model.parameters, 1_000_000)
        self.assertGreater(model.default_options.beam_size, 0)
        self.assertGreater(model.limits.max_text_bytes, 0)

    def test_tokens_in_tokens_out(self):
        response = self.server.stub.TranslateTokens(pb.TranslateTokensRequest(
            sources=[pb.TokenSequence(tokens=["\u2581The", "\u2581house"]),
                     pb.TokenSequence(tokens=["no such piece!"])]))
        self.assertEqual(len(response.translations), 2)
        self.assertGreater(
            len(response.translations[0].hypotheses[0].tokens), 0)
        self.assertIn(pb.FLAG_UNKNOWN_SOURCE, response.translations[1].flags)


class StreamTest(harness.ServerTestCase):

    def stream(self, requests):
        return list(self.server.stub.TranslateStream(
            iter(requests), timeout=harness.CALL_SECONDS))

    def test_every_id_is_answered_once_with_its_own_translation(self):
        sentences = harness.english_sentences()
        alone = {s: best(self.server.translate(s)) for s in sentences}
        texts = {str(i): sentences[i * 7 % len(sentences)] for i in range(300)}
        answers = self.stream(
            pb.TranslateStreamRequest(id=i, text=pb.Text(text=text))
            for i, text in texts.items())
        self.assertEqual(sorted(a.id for a in answers), sorted(texts))
        for answer in answers:
            self.assertEqual(answer.translation.hypotheses[0].text,
                             alone[texts[answer.id]])

    def test_short_texts_overtake_long_ones(self):
        long = " ".join(harness.english_sentences() * 20)
        answers = self.stream([
            pb.TranslateStreamRequest(id="long", text=pb.Text(text=long)),
            pb.TranslateStreamRequest(
                id="short", text=pb.Text(text="The house is small."))])
        self.assertEqual([a.id for a in answers], ["short", "long"])

    def test_an_error_of_one_text_leaves_the_stream_open(self):
        good = pb.Text(text="The house is small.")
        bad_options = pb.Text(text="x", options=pb.DecodingOptions(beam_size=0))
        answers = {a.id: a for a in self.stream([
            pb.TranslateStreamRequest(id="1", text=good),
            pb.TranslateStreamRequest(id="2", text=bad_options),
            pb.TranslateStreamRequest(id="3", text=good, model="no-such"),
            pb.TranslateStreamRequest(id="4", text=good)])}
        self.assertEqual(sorted(answers), ["1", "2", "3", "4"])
        self.assertEqual(answers["2"].error.code, 3)
        self.assertIn("text.options.beam_size", answers["2"].error.message)
        self.assertEqual(answers["3"].error.code, 5)
        for i in ("1", "4"):
            self.assertEqual(answers[i].translation.hypotheses[0].text,
                             self.expected)

    def test_an_id_may_be_empty_or_repeated(self):
        text = pb.Text(text="The house is small.")
        answers = self.stream([
            pb.TranslateStreamRequest(id=i, text=text) for i in ("", "", "x")])
        self.assertEqual(sorted(a.id for a in answers), ["", "", "x"])

    def test_an_empty_stream_ends_well(self):
        self.assertEqual(self.stream([]), [])


if __name__ == "__main__":
    unittest.main()
