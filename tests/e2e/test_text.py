"""What survives of a text, whatever the model makes of it."""

import html.parser
import os
import tempfile
import unittest

import harness
from harness import best, pb

SPANS = ["https://www.example.org/a?b=c&d", "jo.doe@example.org",
         "/var/log/app.log", "{name}", "%1$s", "<x/>", ":smile:", "@jo_doe",
         "#news", "v1.2.3", "RX-4711", "`x += 1`", "👍🏽", "日本"]

PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Our house</title>
<script>if (a < b && c) go("the house");</script></head>
<body>
<h1>The old <em>house</em></h1>
<p>We bought <a href="/x?a=1&amp;b=2">the house</a> in 1999. It is <b>very
old</b>.</p>
<ul><li>One door</li><li>Two windows <img src="w.png" alt="A window"></li></ul>
<p>Run <code>make all</code> &amp; wait.<br>Then go.</p>
</body></html>
"""


class Tags(html.parser.HTMLParser):
    """The tags of a page, in order, by the parser of Python."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, attrs))

    def handle_endtag(self, tag):
        self.found.append(("/" + tag, []))


class TextTest(harness.ServerTestCase):

    def test_spans_come_through_once_each(self):
        texts = [f"The old man gave {span} to the young woman."
                 for span in SPANS]
        response = self.server.translate(*texts)
        for span, translation in zip(SPANS, response.translations):
            text = translation.hypotheses[0].text
            self.assertEqual(text.count(span), 1, text)
            self.assertEqual(list(translation.lost_spans), [])
            self.assertNotIn("\ufffd", text)

    def test_numbers_come_through_once_each(self):
        for number in ["3,450.75 EUR", "DE89 3704 0044 0532 0130 00", "5–10",
                       "2024-03-15T10:30:00Z", "+49 30 1234567", "27.5 m²"]:
            translation = self.server.translate(
                f"Press {{name}} to continue, 100% of {number} are due! 😀"
            ).translations[0]
            text = translation.hypotheses[0].text
            source = number.split(" EUR")[0]
            target = source.translate(str.maketrans(".,", ",."))
            self.assertEqual(sum(text.count(form) for form in {source, target}), 1, text)
            self.assertEqual(list(translation.flags), [], text)
            text = best(self.server.translate(
                f"Press {{name}} to continue, 100% of {number} are due! 😀",
                text_options=pb.TextOptions(number_format=pb.NUMBER_FORMAT_SOURCE)))
            self.assertEqual(text.count(source), 1, text)

    def test_numbers_as_the_caller_wants_them(self):
        text = "We paid 3,450.75 euros."
        for number_format, number in [(pb.NUMBER_FORMAT_SOURCE, "3,450.75"),
                                      (pb.NUMBER_FORMAT_TARGET, "3.450,75")]:
            out = best(self.server.translate(text, text_options=pb.TextOptions(
                number_format=number_format)))
            self.assertIn(number, out)

    def test_what_has_no_letter_is_not_translated(self):
        text = " 42\t€ 3.50\n\n--> 😀\u00a0\u3000\u2028 {x}\n"
        translation = self.server.translate(text).translations[0]
        self.assertEqual(translation.hypotheses[0].text, text)
        self.assertEqual(translation.cost.sentences, 0)

    def test_sentences_are_located(self):
        text = "Good morning. 😀 The house is old.\n"
        translation = self.server.translate(text).translations[0]
        source = [text.encode()[s.source.begin:s.source.end].decode()
                  for s in translation.sentences]
        self.assertEqual(source, ["Good morning.", "The house is old."])
        target = translation.hypotheses[0].text.encode()
        for sentence in translation.sentences:
            part = target[sentence.target.begin:sentence.target.end].decode()
            self.assertEqual(part, part.strip())
            self.assertTrue(part)

    def test_a_page_keeps_its_tags(self):
        response = self.server.translate(
            PAGE, text_options=pb.TextOptions(format=pb.FORMAT_HTML))
        page = best(response)
        self.assertEqual(Tags(page).found, Tags(PAGE).found)
        self.assertIn('if (a < b && c) go("the house");', page)
        self.assertIn("<code>make all</code>", page)
        self.assertIn("&amp;", page)
        self.assertNotIn("The old", page)

    def test_terms_of_the_request(self):
        options = pb.TextOptions(terms=[
            pb.Term(source="house", targets=["Gebäude"]),
            pb.Term(source="Red Kite")])
        text = best(self.server.translate(
            "The house of Red Kite is old.", text_options=options))
        self.assertIn("Gebäude", text)
        self.assertIn("Red Kite", text)

    def test_errors_name_the_field(self):
        for field, options in [
                ("text_options.format", pb.TextOptions(format=9)),
                ("text_options.patterns", pb.TextOptions(patterns=["(a"])),
                ("text_options.unprotected[0]",
                 pb.TextOptions(unprotected=["urls"])),
                ("text_options.terms",
                 pb.TextOptions(terms=[pb.Term(source=" ")]))]:
            self.assert_invalid(field, lambda options=options:
                                self.server.translate(
                                    "One.", text_options=options))

    def test_the_command_translates_a_page(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "page.html")
            with open(path, "w", encoding="utf-8") as file:
                file.write(PAGE)
            run = harness.client(self.server, "translate", "--format=html",
                                 path)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(Tags(run.stdout.decode()).found, Tags(PAGE).found)


if __name__ == "__main__":
    unittest.main()
