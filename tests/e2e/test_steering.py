"""What a caller demands of a translation, by each row of docs/decoding.md: on
the wire and from the command."""

import json
import unittest

import grpc

import harness
from harness import best, pb

TEXT = "The old man bought bread, milk and three apples."
STREAM_TEXTS = [
    TEXT,
    "Good morning! How are you today?\nI have not slept well.",
    "Write to jo@example.org, or see https://example.org/a. It costs 20 euros.",
    "HELLO TO ALL OF YOU. It Is A Title In Capitals. And then?",
    "  Two  spaces, \u65e5\u672c and \U0001F600.  Yes. ",
    "No full stop\n\n- a list\n- of things",
    "",
]


class SteeringTest(harness.ServerTestCase):

    def translate(self, **options):
        return self.server.translate(TEXT, options=options).translations[0]

    def command(self, *flags):
        run = harness.client(self.server, "translate", "--json", *flags, TEXT)
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def refused(self, field, text=TEXT, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            self.server.translate(text, options=options)
        self.assertEqual(caught.exception.code(),
                         grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn(field, caught.exception.details())

    def test_prefix(self):
        found = self.translate(target_prefix={"text": "Ein alter Mann"})
        self.assertTrue(found.hypotheses[0].text.startswith("Ein alter Mann"),
                        found.hypotheses[0].text)
        found = self.command("--target-prefix", "Ein alter Mann")
        self.assertTrue(found["hypotheses"][0]["text"].startswith(
            "Ein alter Mann"))

    def test_a_prefix_is_kept_byte_for_byte(self):
        for text, prefixes in (
                ("Please see https://example.org/a?b=1 today.",
                 ("Siehe https://example.org/a?b=1", "Bitte",
                  "Sehen Sie https://exa", "https://example.org/a?b=1")),
                ("It costs 5 euros and not 1,250.75.",
                 ("Es kostet 7", "Es kostet 5", "1.250,75", "Es kostet ")),
                ("THE OLD HOUSE IS NICE.", ("Das Alte", "DAS ALTE HA")),
                ("Ask {name} for the key.",
                 ("Fragen Sie {na", "Bitte {name} um", " Zwei  "))):
            for prefix in prefixes:
                for beam_size in (1, 4):
                    with self.subTest(text=text, prefix=prefix,
                                      beam_size=beam_size):
                        options = {"target_prefix": {"text": prefix},
                                   "beam_size": beam_size}
                        found = self.server.translate(
                            text, options=options).translations[0]
                        best_text = found.hypotheses[0].text
                        self.assertTrue(best_text.startswith(prefix),
                                        best_text)
                        self.assertFalse(found.lost_spans, best_text)
                        (pieces, answer), = self.stream(text, **options)
                        self.assertEqual(
                            answer.translation.hypotheses[0].text, best_text)
                        self.assertTrue(best_text.startswith(
                            "".join(piece.text for piece in pieces)), pieces)

    def test_phrases_that_must_be_there(self):
        phrases = ["https://example.org/a_b?c=1", "Herr Schmidt"]
        for beam_size in (1, 4):
            found = self.translate(beam_size=beam_size,
                                   must_contain=[{"text": p} for p in phrases])
            for phrase in phrases:
                self.assertEqual(found.hypotheses[0].text.count(phrase), 1,
                                 found.hypotheses[0].text)
        found = self.command("--must-contain", phrases[0],
                             "--must-contain", phrases[1], "--in-order")
        text = found["hypotheses"][0]["text"]
        self.assertLess(text.index(phrases[0]), text.index(phrases[1]))

    def test_phrases_with_numbers(self):
        for text, phrase, unprotected in (
                ("It costs 5 euros.", "5 Euro", ()),
                ("It costs five euros.", "7 Euro", ()),
                ("It costs 5 euros.", "RTX-4090", ()),
                ("It costs 5 euros.", "7 Euro", ("number",)),
                ("It costs 1,250.75 euros.", "1.250,75", ("number",))):
            with self.subTest(text=text, phrase=phrase):
                found = self.server.translate(
                    text, options={"must_contain": [{"text": phrase}]},
                    text_options=pb.TextOptions(unprotected=unprotected))
                self.assertIn(phrase, best(found))

    def test_phrases_that_must_not_be_there(self):
        word = best(self.server.translate(TEXT)).split()[-2]
        found = self.translate(must_not_contain=[{"text": word}])
        self.assertNotIn(word, found.hypotheses[0].text.split())
        found = self.command("--must-not-contain", word)
        self.assertNotIn(word, found["hypotheses"][0]["text"].split())

    def test_samples_follow_their_seed(self):
        sampling = {"seed": 7, "temperature": 2.0}
        first = self.translate(sampling=sampling, num_hypotheses=3)
        again = self.translate(sampling=sampling, num_hypotheses=3)
        other = self.translate(sampling={"seed": 8, "temperature": 2.0},
                               num_hypotheses=3)
        self.assertEqual(len(first.hypotheses), 3)
        self.assertEqual(first.hypotheses, again.hypotheses)
        self.assertNotEqual(first.hypotheses, other.hypotheses)
        flags = ("--sample", "--seed", "7", "--temperature", "2",
                 "--num-hypotheses", "3")
        self.assertEqual(
            [h["text"] for h in self.command(*flags)["hypotheses"]],
            [h.text for h in first.hypotheses])

    def test_alternatives(self):
        found = self.translate(target_prefix={"text": "Der"},
                               return_alternatives=True, num_hypotheses=4,
                               return_token_scores=True)
        self.assertEqual(len(found.hypotheses), 4)
        self.assertEqual(
            len({tuple(t.token for t in h.tokens) for h in found.hypotheses}),
            4)
        flags = ("--target-prefix", "Der", "--alternatives",
                 "--num-hypotheses", "4")
        self.assertEqual(
            [h["text"] for h in self.command(*flags)["hypotheses"]],
            [h.text for h in found.hypotheses])

    def test_diverse_beams(self):
        options = {"beam_size": 4, "num_hypotheses": 4,
                   "return_token_scores": True}
        plain = self.translate(**options)
        diverse = self.translate(beam_groups=4, diversity_penalty=20.0,
                                 **options)

        def beginnings(translation):
            return {h.tokens[0].token for h in translation.hypotheses}

        self.assertLess(len(beginnings(plain)), 4)
        self.assertEqual(len(beginnings(diverse)), 4)
        flags = ("--beam-size", "4", "--num-hypotheses", "4",
                 "--beam-groups", "4", "--diversity-penalty", "20")
        self.assertEqual(
            [h["text"] for h in self.command(*flags)["hypotheses"]],
            [h.text for h in diverse.hypotheses])

    def score(self, *pairs, **fields):
        request = pb.ScoreTextsRequest(pairs=[
            pb.TextPair(source=pb.Phrase(text=source),
                        target=pb.Phrase(text=target))
            for source, target in pairs], **fields)
        return self.server.stub.ScoreTexts(request, timeout=60).scores

    def test_scores_are_those_of_the_search(self):
        found = self.translate(return_token_scores=True, num_hypotheses=4,
                               beam_size=4)
        scores = self.score(*[(TEXT, h.text) for h in found.hypotheses],
                            return_alignments=True)
        for hypothesis, score in zip(found.hypotheses, scores):
            self.assertAlmostEqual(score.score, hypothesis.score, places=5)
            self.assertEqual([t.token for t in score.tokens[:-1]],
                             [t.token for t in hypothesis.tokens])
            for scored, token in zip(score.tokens, hypothesis.tokens):
                self.assertAlmostEqual(scored.score, token.score, places=5)
            self.assertAlmostEqual(sum(t.score for t in score.tokens),
                                   score.log_probability, places=3)
            self.assertEqual(len(score.tokens[0].attention),
                             len(score.source_tokens))
        self.assertTrue(any("ScoreTexts" in line and "calls_total" in line
                            for line in self.server.metrics_page()))

    def test_the_command_scores(self):
        target = best(self.server.translate(TEXT))
        lines = f"{TEXT}\t{target}\n{TEXT}\tEtwas ganz anderes.\n"
        run = harness.client(self.server, "score", stdin=lines.encode())
        self.assertEqual(run.returncode, 0, run.stderr)
        good, bad = map(float, run.stdout.split())
        self.assertGreater(good, bad)
        self.assertAlmostEqual(good, self.score((TEXT, target))[0].score,
                               places=5)
        many = harness.client(self.server, "score", "--json",
                              stdin=lines.encode() * 300)
        self.assertEqual(many.returncode, 0, many.stderr)
        scores = [json.loads(line) for line in many.stdout.splitlines()]
        self.assertEqual(len(scores), 600)
        for index, score in enumerate(scores):
            self.assertAlmostEqual(score["score"], (good, bad)[index % 2],
                                   places=5)
        for stdin, said in ((b"no tab\n", b"line 1: expected a source"),
                            (b"\tx\n", b"pairs[0].source: found no token")):
            run = harness.client(self.server, "score", stdin=stdin)
            self.assertEqual(run.returncode, 1)
            self.assertIn(said, run.stderr)

    def test_bad_pairs_are_named(self):
        for field, pair in (
                ("pairs[1].source", (" ", "x")),
                ("pairs[1].target", ("x", "y " * 5000))):
            with self.assertRaises(grpc.RpcError) as caught:
                self.score(("a", "b"), pair)
            self.assertEqual(caught.exception.code(),
                             grpc.StatusCode.INVALID_ARGUMENT)
            self.assertIn(field, caught.exception.details())

    def test_tokens_scores_and_alignments(self):
        found = self.translate(return_token_scores=True,
                               return_alignments=True)
        hypothesis = found.hypotheses[0]
        self.assertEqual("".join(t.token for t in hypothesis.tokens)
                         .replace("\u2581", " ").strip(), hypothesis.text)
        for token in hypothesis.tokens:
            self.assertLessEqual(token.score, 0)
            self.assertEqual(len(token.attention), len(found.source_tokens))
            self.assertLess(token.source, len(found.source_tokens))
        self.assertFalse(self.translate().hypotheses[0].tokens)
        found = self.command("--token-scores", "--alignments")
        self.assertEqual(len(found["hypotheses"][0]["tokens"]),
                         len(hypothesis.tokens))

    def stream(self, *texts, **options):
        """(pieces of stable text, answer) of each text, by its index."""
        requests = [pb.TranslateStreamRequest(
            id=str(index), return_stable_text=True, no_cache=True,
            text=pb.Text(text=text, options=pb.DecodingOptions(**options)))
            for index, text in enumerate(texts)]
        pieces = {str(index): [] for index in range(len(texts))}
        answers = {}
        for response in self.server.stub.TranslateStream(iter(requests),
                                                         timeout=120):
            if response.WhichOneof("result") == "stable_text":
                self.assertNotIn(response.id, answers)
                pieces[response.id].append(response.stable_text)
            else:
                answers[response.id] = response
        return [(pieces[str(index)], answers[str(index)])
                for index in range(len(texts))]

    def test_stable_text_begins_the_translation(self):
        texts = STREAM_TEXTS
        for options in ({"beam_size": 1}, {"beam_size": 4}, {},
                        {"sampling": {"seed": 3}, "num_hypotheses": 3},
                        {"return_alternatives": True, "num_hypotheses": 3},
                        {"beam_size": 4, "beam_groups": 2,
                         "diversity_penalty": 1.0},
                        {"repetition_penalty": 1.3, "beam_size": 2}):
            with self.subTest(options):
                told = 0
                plain = self.server.translate(*texts, options=options)
                for (pieces, answer), expected in zip(
                        self.stream(*texts, **options), plain.translations):
                    final = answer.translation.hypotheses[0].text.encode()
                    # To be told of changes nothing.
                    self.assertEqual(answer.translation.hypotheses,
                                     expected.hypotheses)
                    at = 0
                    for piece in pieces:
                        text = piece.text.encode()
                        self.assertEqual(piece.begin, at)
                        self.assertTrue(text)
                        self.assertEqual(final[at:at + len(text)], text)
                        at += len(text)
                    told += at
                self.assertGreater(told, 0)

    def test_stable_text_of_markup_and_hard_wrapped_text(self):
        for text, options in (
                ("<p>The <b>old</b> man &amp; his dog. They sleep.</p>"
                 "<img alt='A small house'> Good morning.",
                 {"format": pb.FORMAT_HTML, "translate_attributes": True}),
                ("<d><t>Good &lt;morning&gt; to all.</t>One more.</d>",
                 {"format": pb.FORMAT_XML}),
                ("Good\nmorning.\n\n> The old man bought bread and\n> milk for "
                 "his children, who had waited\n> for a long time.",
                 {"hard_wrapped": True})):
            with self.subTest(text):
                request = pb.TranslateStreamRequest(
                    id="x", return_stable_text=True, no_cache=True,
                    text=pb.Text(text=text),
                    text_options=pb.TextOptions(**options))
                *stable, answer = self.server.stub.TranslateStream(
                    iter([request]), timeout=60)
                told = "".join(one.stable_text.text for one in stable)
                # A paragraph may be finished last.
                self.assertTrue(told or "hard_wrapped" in options)
                self.assertTrue(
                    answer.translation.hypotheses[0].text.startswith(told))

    def test_stable_text_and_errors(self):
        pieces, answer = self.stream(TEXT, beam_size=0)[0]
        self.assertFalse(pieces)
        self.assertEqual(answer.error.code,
                         grpc.StatusCode.INVALID_ARGUMENT.value[0])
        pieces, answer = self.stream(" \n ")[0]
        self.assertFalse(pieces)
        self.assertEqual(answer.translation.hypotheses[0].text, " \n ")

    def test_the_command_streams(self):
        lines = "".join(text.replace("\n", " ") + "\n"
                        for text in STREAM_TEXTS)
        plain = harness.client(self.server, "translate", stdin=lines.encode())
        run = harness.client(self.server, "translate", "--stream",
                             stdin=lines.encode())
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stdout, plain.stdout)
        # So long that some of it is told before all of it is there.
        text = " ".join(f"The young woman sold {flower}s on the old market."
                        for flower in ("rose", "tulip", "lily", "daisy") * 20)
        run = harness.client(self.server, "translate", "--stream", "--json",
                             "--no-cache", text)
        *stable, answer = map(json.loads, run.stdout.splitlines())
        self.assertTrue(stable)
        for line in stable:
            self.assertTrue(answer["hypotheses"][0]["text"].startswith(
                line["stable_text"]))

    def test_words_in_bytes(self):
        text = "Größe matters. The house costs 300 euros, <b>Peter</b>!"
        found = self.server.translate(
            text, options={"return_alignments": True}).translations[0]
        source, target = text.encode(), found.hypotheses[0].text.encode()
        pairs = {}
        end = 0
        for word in found.hypotheses[0].words:
            self.assertGreaterEqual(word.range.begin, end)
            end = word.range.end
            self.assertAlmostEqual(sum(word.weights), 1.0, places=3)
            range_ = found.source_words[word.source]
            pairs[target[word.range.begin:word.range.end]] = source[
                range_.begin:range_.end]
        self.assertEqual(pairs[b"Haus"], b"house")
        self.assertEqual(pairs[b"300"], b"300")
        self.assertFalse(self.translate().hypotheses[0].words)
        command = self.command("--alignments")
        self.assertTrue(command["hypotheses"][0]["words"])
        self.assertTrue(command["source_words"])
        score = self.score((TEXT, "Der alte Mann."),
                           return_alignments=True)[0]
        self.assertEqual([TEXT[r.begin:r.end] for r in score.source_words][:3],
                         ["The", "old", "man"])
        self.assertEqual(
            {"Der alte Mann."[w.range.begin:w.range.end]:
             TEXT[score.source_words[w.source].begin:
                  score.source_words[w.source].end]
             for w in score.words}["Mann"], "man")
        run = harness.client(self.server, "score", "--json", "--alignments",
                             stdin=f"{TEXT}\tDer alte Mann.\n".encode())
        self.assertTrue(json.loads(run.stdout)["words"])

    def test_confidence(self):
        sure, unsure = self.server.translate(
            "I like coffee.", "Colourless green ideas zxqv furiously wug."
        ).translations
        self.assertGreater(sure.sentences[0].confidence,
                           unsure.sentences[0].confidence)
        for translation in (sure, unsure):
            self.assertGreater(translation.sentences[0].confidence, 0)
            self.assertLess(translation.sentences[0].confidence, 1)
        self.assertIn("confidence", self.command()["sentences"][0])

    def test_the_other_flags_do_something(self):
        plain = best(self.server.translate(TEXT))
        for flags in (["--repetition-penalty", "3"],
                      ["--no-repeat-ngram-size", "1"],
                      ["--word-reward", "6"],
                      ["--length-penalty", "0", "--coverage-penalty", "20"]):
            with self.subTest(flags):
                self.assertTrue(self.command(*flags)["hypotheses"])
        for flags in (["--no-unknown"], ["--patience", "2"],
                      ["--stopping", "never"], ["--min-probability", "1e-9"]):
            with self.subTest(flags):
                self.assertEqual(
                    self.command(*flags)["hypotheses"][0]["text"], plain)

    def test_bad_demands_name_the_field(self):
        self.refused("options.target_prefix",
                     target_prefix={"text": "a " * 2000})
        self.refused("options.must_contain",
                     must_contain=[{"text": "x"}] * 1000)
        self.refused("options.must_contain[0]", must_contain=[{}])
        self.refused("options.must_contain[0]",
                     must_contain=[{"text": "Haus"}],
                     must_not_contain=[{"text": "Haus"}])
        self.refused("options.must_contain", text="One. Two is next.",
                     must_contain=[{"text": "Haus"}])
        # Each sentence carries the phrases with it.
        self.refused("options.must_not_contain", text="It is. " * 9000,
                     must_not_contain=[{"text": f"w{i} " * 1000}
                                       for i in range(64)])
        self.refused("options.must_contain", text="12345",
                     must_contain=[{"text": "Haus"}])
        self.refused("options.target_prefix", text="...",
                     target_prefix={"text": "Haus"})
        self.refused("options.must_contain[0]", text="Ask {name} for a key.",
                     must_contain=[{"text": "um {name}"}])
        self.refused("options.must_contain[0].tokens[1]",
                     must_contain=[{"tokens": ["\u2581H", "no such piece"]}])
        self.refused("options.target_prefix.tokens[0]",
                     target_prefix={"tokens": ["no such piece"]})
        self.refused("options.must_contain[1]", no_repeat_ngram_size=1,
                     must_contain=[{"text": "Haus"}] * 2)
        for phrase in ({"text": "7 Euro"}, {"text": "Version 2.0"},
                       {"tokens": ["\u2581", "7"]}):
            self.refused("options.must_contain[0]", text="It costs 5 euros.",
                         must_contain=[phrase])
        self.refused("options.must_contain[0]", text="It costs $5.",
                     must_contain=[{"text": "5 Dollar"}])
        self.refused("options.stopping", stopping=5)
        self.refused("options.beam_groups", beam_size=4, beam_groups=3)
        self.refused("options.diversity_penalty", diversity_penalty=0.5)
        self.refused("options.beam_groups", beam_size=4, beam_groups=2,
                     must_contain=[{"text": "Haus"}])
        self.refused("options.no_repeat_ngram_size", no_repeat_ngram_size=-1)
        self.refused("options.min_probability", min_probability=1.5)
        self.refused("options.coverage_penalty", coverage_penalty=1e3)
        self.refused("options.sampling.top_p", sampling={"top_p": 2.0})
        self.refused("options.sampling.top_k", sampling={"top_k": -1})
        self.refused("options.repetition_penalty", repetition_penalty=0.0)
        self.refused("options.word_reward", word_reward=1e9)
        self.refused("options.sampling.temperature",
                     sampling={"temperature": 0.0})
        self.refused("options.beam_size", beam_size=4, sampling={"seed": 1})
        self.refused("options.patience", patience=float("nan"))

    def test_tokens_in_tokens_out(self):
        request = pb.TranslateTokensRequest(
            sources=[pb.TokenSequence(tokens=["\u2581Hello"])],
            options=pb.DecodingOptions(
                target_prefix=pb.Phrase(tokens=["\u2581Das"]),
                return_token_scores=True))
        found = self.server.stub.TranslateTokens(request, timeout=60)
        hypothesis = found.translations[0].hypotheses[0]
        self.assertEqual(hypothesis.details[0].token, hypothesis.tokens[0])
        self.assertEqual(len(hypothesis.details), len(hypothesis.tokens))


if __name__ == "__main__":
    unittest.main()
