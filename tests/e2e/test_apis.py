"""APIs of others, each called by the client that its makers publish.

scripts/api-env installs these; their part of each test runs in that environment
(api_*.py) and prints what it was answered.
"""

import hashlib
import json
import os
import subprocess
import tempfile
import unittest

import edge
import grpc
import harness
from harness import best

FOLDER = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.path.join(harness.SOURCE_DIR, ".cache", "api-venv", "bin", "python")
NLLB = os.path.join(harness.SOURCE_DIR, "tests", "golden", "hf-nllb")
TOKEN = "wherever-it-goes"
OTHER_TOKEN = "of-somebody-else"
SLOW_TOKEN = "once-in-ten-seconds"
TEXTS = ["The house is small.", "Good morning!"]

needs_clients = unittest.skipUnless(
    os.path.exists(PYTHON), "the clients are missing: run scripts/api-env")


def run(script, *arguments, **environment):
    done = subprocess.run(
        [PYTHON, "-B", os.path.join(FOLDER, script), *arguments],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": "", **environment})
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return json.loads(done.stdout)


def token_flags(folder):
    """Of a server that wants one of the tokens."""
    tokens = os.path.join(folder, "tokens")
    with open(tokens, "w", encoding="utf-8") as file:
        for name, token, limits in (
                ("tester", TOKEN, ""), ("other", OTHER_TOKEN, ""),
                ("slow", SLOW_TOKEN, " requests-per-second=0.1")):
            digest = hashlib.sha256(token.encode()).hexdigest()
            file.write(f"{name} {digest}{limits}\n")
    return [f"--token-file={tokens}"]


def glossary_flags(folder, most=3):
    """Of a server with one glossary and a bucket, that stores `most` of each
    client."""
    files = {
        "glossaries/operator.tsv": "# languages: en de\nhouse\tHütte\n",
        "buckets/terms/houses.csv": 'small,klein\nhouse,"Gebäude"\n',
        "buckets/terms/houses.tsv": "house\tGebäude\n",
        "buckets/terms/set.csv": "fr,de,en\nmaison,Gebäude,house\n",
        "buckets/terms/bad.csv": "one column\n",
    }
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
    return [f"--glossaries={folder}/glossaries",
            f"--gcs-directory={folder}/buckets",
            f"--max-glossaries-per-client={most}"]


class Secured:
    """Flags of a server with TLS and a token, and what its clients need."""

    def __init__(self, folder):
        self.certificate = os.path.join(folder, "tls.crt")
        key = os.path.join(folder, "tls.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", key, "-out", self.certificate],
            check=True, capture_output=True)
        self.flags = [f"--tls-certificate={self.certificate}",
                      f"--tls-key={key}", *token_flags(folder)]


@needs_clients
class OtherApisTest(unittest.TestCase):
    FLAGS = ("--apis=google-v3,kserve-v2", "--workers=1",
             "--default-source-language=en", "--log-requests")

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = harness.Server(*cls.FLAGS,
                                    *glossary_flags(cls.folder.name),
                                    models=(harness.MODEL_DIR, NLLB))
        cls.expected = [
            best(cls.server.translate(text, model=harness.MODEL))
            for text in TEXTS]
        with tempfile.TemporaryDirectory() as folder:
            secured = Secured(folder)
            with harness.Server(*cls.FLAGS, *secured.flags,
                                *glossary_flags(folder)) as server:
                address = server.address.replace("127.0.0.1", "localhost")
                cls.google_over_tls = run(
                    "api_google_v3.py", address, secured.certificate, TOKEN)
                cls.kserve_over_tls = run(
                    "api_kserve.py", address, harness.MODEL,
                    secured.certificate, TOKEN)
        cls.google = run("api_google_v3.py", cls.server.address)
        cls.kserve = run("api_kserve.py", cls.server.address, harness.MODEL)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()
        assert cls.server.stop() == 0

    def both_google(self):
        return ("plain", self.google), ("TLS", self.google_over_tls)

    def both_kserve(self):
        return ("plain", self.kserve), ("TLS", self.kserve_over_tls)

    def test_google_translates(self):
        for name, answers in self.both_google():
            with self.subTest(name):
                self.assertEqual(answers["texts"], self.expected)
                self.assertEqual(answers["general"], self.expected[0])
                self.assertEqual(answers["async"], [self.expected[0]] * 8)

    def test_google_translates_markup(self):
        self.assertEqual(self.google["markup"],
                         [f"<p>{self.expected[0]}</p>"] * 2)

    def test_google_names_the_model_if_asked_for_one(self):
        self.assertEqual(self.google["model of none"], "")
        self.assertEqual(self.google["model"],
                         "projects/anything/locations/global/models/en-de-mdn")

    def test_google_detects(self):
        self.assertEqual(self.google["detected"], "en")
        code, confidence = self.google["detection"][0]
        self.assertEqual(code, "de")
        self.assertGreater(confidence, 0.5)

    def test_google_lists_languages(self):
        self.assertEqual(self.google["languages"], {
            "de": ["allemand", True, True], "en": ["anglais", True, True],
            "ru": ["russe", True, True], "zh": ["chinois", True, True]})
        self.assertEqual(self.google_over_tls["languages"], {
            "de": ["allemand", False, True], "en": ["anglais", True, False]})

    def test_google_is_told_what_is_wrong(self):
        answers = self.google
        self.assertEqual(answers["unknown language"][0], "InvalidArgument")
        self.assertIn("found \"xx\"", answers["unknown language"][1])
        for name, field in (
                ("field of unknown language", "target_language_code"),
                ("no target", "target_language_code"),
                ("field of mime type", "mime_type"),
                ("transliteration", "transliteration_config"),
                ("no contents", "contents")):
            self.assertEqual(answers[name], [field], name)
        self.assertEqual(answers["unknown model"][0], "NotFound")
        self.assertEqual(answers["adaptive"][0], "MethodNotImplemented")
        self.assertIn("no model adapts", answers["adaptive"][1])
        self.assertEqual(answers["deadline"][0], "DeadlineExceeded")
        self.assertEqual(answers["others"], ["MethodNotImplemented"] * 3)

    def test_google_has_glossaries(self):
        for name, answers in self.both_google():
            with self.subTest(name):
                self.check_glossaries(answers["glossaries"])

    def check_glossaries(self, answers):
        parent = "projects/anything/locations/global/glossaries/"
        self.assertEqual(answers["made"],
                         [parent + "houses", "Of houses", 2, "de"])
        self.assertEqual(answers["in set"], [1, ["de", "en", "fr"]])
        self.assertTrue(answers["same"])
        self.assertEqual(answers["listed"],
                         ["houses", "operator", "set", "tabs"])
        self.assertEqual(answers["pages"],
                         [["houses", "operator", "set"], ["tabs"]])
        for name, word in (("translated", "Gebäude"), ("by tabs", "Gebäude"),
                           ("by set", "Gebäude"), ("of the operator", "Hütte")):
            plain, with_terms, glossary = answers[name]
            self.assertEqual(plain, [self.expected[0]] * 2, name)
            self.assertEqual(len(with_terms), 2, name)
            for text in with_terms:
                self.assertIn(word, text, name)
            self.assertIn(parent, glossary)
        self.assertIn("Gebäude", answers["other case"][1][0])
        self.assertIn("GEBÄUDE", answers["any case"][1][0])
        self.assertEqual(answers["deleted"], parent + "houses")
        for name, kind, words in (
                ("again", "AlreadyExists", "houses"),
                ("no file", "NotFound", "gs://terms/none.csv"),
                ("outside", "InvalidArgument", "input_uri"),
                ("not of buckets", "InvalidArgument", "input_uri"),
                ("bad file", "InvalidArgument", "line 1: found 1 columns"),
                ("no languages", "InvalidArgument", "language_pair"),
                ("bad name", "InvalidArgument", "no name"),
                ("not ours", "PermissionDenied", "operator"),
                ("too many", "ResourceExhausted", "allowed at most 3"),
                ("gone", "NotFound", "houses")):
            self.assertEqual(answers[name][0], kind, name)
            self.assertIn(words, answers[name][1])
        self.assertEqual(answers["unknown"], ["glossary_config.glossary"])
        self.assertEqual(answers["contextual"],
                         ["glossary_config.contextual_translation_enabled"])

    def test_kserve_translates(self):
        for name, answers in self.both_kserve():
            with self.subTest(name):
                self.assertEqual(answers["texts"], self.expected)
                self.assertEqual(answers["contents"], self.expected)
                self.assertEqual(answers["languages"], self.expected)
                self.assertEqual(answers["of streams"], self.expected)
                self.assertEqual(answers["async"], [self.expected] * 8)
                self.assertEqual(len(answers["parameters"]), 2)
                self.assertEqual(answers["column"], [2, 1])
                self.assertEqual(answers["id"], "seven")
                self.assertEqual(answers["flags"], ["", ""])
                self.assertLess(max(answers["scores"]), 0)

    def test_kserve_tells_what_is_there(self):
        answers = self.kserve
        self.assertTrue(answers["live"] and answers["ready"])
        self.assertTrue(answers["model ready"])
        self.assertFalse(answers["no model ready"])
        self.assertEqual(answers["server"]["name"], "peregrine")
        self.assertEqual([t["name"] for t in answers["metadata"]["inputs"]],
                         ["text", "source_language", "target_language"])
        self.assertEqual(answers["config"]["config"]["output"][0]["data_type"],
                         "TYPE_STRING")
        self.assertEqual([m["name"] for m in answers["index"]["models"]],
                         ["en-de-mdn", "hf-nllb"])
        self.assertGreater(int(answers["statistics"]["count"]), 4)
        self.assertGreater(int(answers["statistics"]["ns"]), 0)

    def test_kserve_is_told_what_is_wrong(self):
        answers = self.kserve
        self.assertEqual(answers["broken"], ["INVALID_ARGUMENT"] * 4)
        self.assertEqual(answers["others"], ["StatusCode.UNIMPLEMENTED"] * 4)
        for name, code, words in (
                ("unknown model", "NOT_FOUND", "en-de-mdn"),
                ("unknown input", "INVALID_ARGUMENT", "words"),
                ("two inputs of a name", "INVALID_ARGUMENT", "two named"),
                ("unknown parameter", "INVALID_ARGUMENT", "top_k"),
                ("unknown output", "INVALID_ARGUMENT", "logits"),
                ("version", "NOT_FOUND", "expected 1")):
            self.assertEqual(answers[name][0], f"StatusCode.{code}", name)
            self.assertIn(words, answers[name][1])

    def test_calls_are_counted_by_api(self):
        for api, method in (("google.v3", "TranslateText"),
                            ("kserve.v2", "ModelInfer"),
                            ("peregrine.v1", "Translate")):
            self.assertGreater(self.server.metric(
                "peregrine_calls_total", api=api, method=method,
                outcome="ok"), 0)
            self.assertIn(f'"api":"{api}"', self.server.log())


PERF_ANALYZER = os.environ.get("PEREGRINE_PERF_ANALYZER")


@unittest.skipUnless(PERF_ANALYZER, "PEREGRINE_PERF_ANALYZER names none: its "
                     "wheel needs a newer glibc than Debian 12 has")
class PerfAnalyzerTest(unittest.TestCase):
    """The load generator of Triton's makers, which asks for statistics too."""

    def test_it_measures(self):
        with tempfile.TemporaryDirectory() as folder, \
                harness.Server("--apis=kserve-v2", "--workers=1") as server:
            data = os.path.join(folder, "data.json")
            with open(data, "w", encoding="utf-8") as file:
                json.dump({"data": [{"text": [text]} for text in TEXTS]}, file)
            report = os.path.join(folder, "report.csv")
            done = subprocess.run(
                [PERF_ANALYZER, "-m", harness.MODEL, "-u", server.address,
                 "-i", "grpc", "--input-data", data, "--shape", "text:1",
                 "--request-count", "50", "--concurrency-range", "4",
                 "-f", report], capture_output=True, text=True, timeout=300,
                check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("Inferences/Second", done.stdout)
            self.assertIn("Successful request count: 5", done.stdout)
            with open(report, encoding="utf-8") as file:
                head, row = file.read().splitlines()[:2]
            values = dict(zip(head.split(","), row.split(",")))
            self.assertGreater(float(values["Inferences/Second"]), 0)
            self.assertGreater(float(values["Server Compute Infer"]), 0)


class OffTest(unittest.TestCase):

    def test_they_are_off_unless_asked_for(self):
        with harness.Server("--workers=1") as server:
            for method in (
                    "google.cloud.translation.v3.TranslationService/TranslateText",
                    "inference.GRPCInferenceService/ServerLive"):
                call = server.channel.unary_unary(f"/{method}")
                with self.assertRaises(grpc.RpcError) as raised:
                    call(b"", timeout=harness.CALL_SECONDS)
                self.assertEqual(raised.exception.code(),
                                 grpc.StatusCode.UNIMPLEMENTED)


@needs_clients
@edge.needs_envoy
class RestTest(unittest.TestCase):
    """Through Envoy, to a server that wants tokens."""

    FLAGS = ("--apis=deepl-v2,libretranslate,google-v2", "--workers=1")

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            flags = [*token_flags(folder), *glossary_flags(folder, most=9)]
            with harness.Server(*cls.FLAGS, *flags) as server, \
                    edge.Edge([server]) as front:
                answers = run("api_rest.py", front.url, front.certificate,
                              TOKEN, OTHER_TOKEN, SLOW_TOKEN)
                cls.calls = {
                    api: server.metric("peregrine_calls_total", api=api,
                                       outcome="ok")
                    for api in ("deepl.v2", "libretranslate", "google.v2")}
        cls.deepl = answers["deepl"]
        cls.glossaries = answers["glossaries"]
        cls.multilingual = answers["multilingual"]
        cls.limits = answers["limits"]
        cls.libretranslate = answers["libretranslate"]
        cls.google = answers["google"]
        with harness.Server("--workers=1") as server:
            cls.expected = [best(server.translate(text)) for text in TEXTS]

    def test_deepl_translates(self):
        answers = self.deepl
        self.assertEqual(answers["texts"], self.expected)
        self.assertEqual(answers["billed"], [len(text) for text in TEXTS])
        self.assertEqual(answers["detected"], "EN")
        self.assertEqual(answers["in the target already"], [
            ["Am Wochenende streichen die Nachbarn ihre Küche neu.", "DE"],
            [self.expected[0], "EN"],
            ["Am Wochenende streichen die Nachbarn ihre Küche neu.", "DE"]])
        self.assertEqual(answers["options"], self.expected[0])
        parts = f"<r><a>{self.expected[0]}</a> <b>{self.expected[1]}</b></r>"
        self.assertEqual(answers["split"][:2], [parts] * 2)
        self.assertRegex(answers["split"][2], "^<r>.*<a>.*</a>.*<b>.*</b>.*</r>$")
        for reply in answers["numbers"]:
            self.assertEqual(reply[1]["translations"][0]["text"],
                             self.expected[0])
        self.assertEqual(
            [t["text"] for t in answers["form"]["translations"]],
            self.expected)
        self.assertEqual(len(answers["form with key"]["translations"]), 1)

    def test_deepl_tells_what_is_there(self):
        answers = self.deepl
        self.assertEqual(answers["sources"], {"EN": "English"})
        self.assertEqual(answers["targets"], {"DE": False})
        self.assertEqual(answers["usage"], "None")

    def test_deepl_is_told_what_is_wrong(self):
        answers = self.deepl
        self.assertIn("Bad request, message: formality: ",
                      answers["formality"][1])
        for name, words in (("odd formality", "formality: found \"rude\""),
                            ("odd model", "model_type: found \"best\""),
                            ("no texts", "text: found 0"),
                            ("odd split", "split_sentences: found \"2\"")):
            self.assertEqual(answers[name][0], 400, name)
            self.assertIn(words, answers[name][1]["message"], name)
        for name, (status, reply) in answers["refused"].items():
            self.assertEqual(status, 400, name)
            self.assertTrue(reply["message"].startswith(name + ": "), reply)
        self.assertEqual(answers["not there"], [404] * 3)
        self.assertEqual(answers["multipart"][0], 415)
        self.assertIn("multipart/form-data", answers["multipart"][1]["message"])
        self.assertIn("target_lang: found \"SW\" (Swahili)",
                      answers["unknown"][1])
        self.assertEqual(answers["wrong key"][0], "AuthorizationException")

    def test_deepl_has_glossaries(self):
        answers = self.glossaries
        self.assertEqual(answers["made"], ["My terms", True, "EN", "DE", 2])
        self.assertEqual(answers["raw"], [201, [
            "creation_time", "entry_count", "glossary_id", "name", "ready",
            "source_lang", "target_lang"]])
        self.assertTrue(answers["same"])
        self.assertEqual(answers["entries"], {"house": "Gebäude", "#1": "Nr. 1"})
        self.assertEqual(answers["listed"],
                         ["My terms", "Of CSV", "form", "operator"])
        self.assertEqual(answers["of another"], ["operator"])
        self.assertEqual(answers["pairs"], [["en", "de"]])
        for text, word in zip(answers["translated"],
                              ("Gebäude", "Bau, der", "Hütte")):
            self.assertIn(word, text)
        self.assertIn("Gebäude", answers["by several"])
        self.assertEqual(answers["deleted"], [204, ""])
        for name, kind, words in (
                ("not for another", "DeepLException", "glossary_id: no glossary"),
                ("nor to read", "GlossaryNotFoundException", ""),
                ("nor to delete", "GlossaryNotFoundException", ""),
                ("of the operator", "AuthorizationException", "operator's"),
                ("unknown", "GlossaryNotFoundException", "nothing"),
                ("twice", "DeepLException", "entries: "),
                ("bad csv", "DeepLException", "entries: line 2"),
                ("no language", "DeepLException", "target_lang: "),
                ("other pair", "DeepLException", "glossary_id: "),
                ("gone", "GlossaryNotFoundException", "")):
            self.assertEqual(answers[name][0], kind, name)
            self.assertIn(words, answers[name][1], name)

    def test_deepl_has_multilingual_glossaries(self):
        answers = self.multilingual
        self.assertEqual(answers["made"], [
            "Both ways", [["EN", "DE", 2], ["DE", "EN", 1]]])
        self.assertEqual(answers["listed"], ["Both ways"])
        self.assertEqual(answers["not in v2"], [])
        self.assertEqual(answers["entries"],
                         {"house": "Gebäude", "morning": "Frühe"})
        self.assertIn("Gebäude", answers["translated"])
        self.assertEqual(answers["renamed"], "New")
        self.assertEqual(answers["updated"], {
            "house": "Bau", "morning": "Frühe", "tree": "Baum"})
        self.assertEqual(answers["replaced"], {"house": "Haus"})
        self.assertEqual(answers["left"], 1)
        self.assertEqual(answers["no such"][0], "GlossaryNotFoundException")
        self.assertIn("only dictionary", answers["the last"][1])
        self.assertEqual(answers["gone"][0], "GlossaryNotFoundException")

    def test_libretranslate_translates(self):
        answers = self.libretranslate
        self.assertEqual(answers["text"], self.expected[0])
        self.assertEqual(answers["detect"][0]["language"], "de")
        self.assertGreater(answers["detect"][0]["confidence"], 50)
        self.assertEqual(answers["languages"], [
            {"code": "de", "name": "German", "targets": []},
            {"code": "en", "name": "English", "targets": ["de"]}])
        status, reply = answers["list"]
        self.assertEqual(status, 200)
        self.assertEqual(reply["translatedText"], self.expected)
        self.assertEqual([d["language"] for d in reply["detectedLanguage"]],
                         ["en", "en"])
        status, reply = answers["string"]
        self.assertEqual(status, 200)
        self.assertEqual(reply["translatedText"], self.expected[0])
        self.assertEqual(len(reply["alternatives"]), 2)
        self.assertEqual(answers["settings"]["keyRequired"], True)
        self.assertEqual(answers["long"], 200)
        self.assertEqual(answers["many"][0], 200)
        self.assertEqual(len(answers["many"][1]["alternatives"]), 15)
        self.assertEqual(answers["key in the query"], 200)
        self.assertEqual(answers["detect mixed"], ["en", "de"])
        self.assertEqual(answers["not there"][0], 404)
        self.assertIn("/suggest", answers["not there"][1]["error"])
        self.assertEqual(answers["quoted key"], 200)

    def test_libretranslate_is_told_what_is_wrong(self):
        answers = self.libretranslate
        for name, status, words in (("unknown", 400, "target: found \"xx\""),
                                    ("no text", 400, "q: found nothing"),
                                    ("markdown", 400, "format: "),
                                    ("wrong key", 403, "token")):
            self.assertEqual(answers[name][0], status, name)
            self.assertEqual(list(answers[name][1]), ["error"])
            self.assertIn(words, answers[name][1]["error"])

    def test_google_v2_translates(self):
        answers = self.google
        self.assertEqual([t["translatedText"] for t in answers["texts"]],
                         self.expected)
        self.assertNotIn("detectedSourceLanguage", answers["texts"][0])
        self.assertEqual(answers["detected"]["detectedSourceLanguage"], "en")
        self.assertEqual(answers["model"], harness.MODEL)
        self.assertEqual([d["language"] for d in answers["detect"]],
                         ["de", "en"])
        self.assertEqual(
            answers["languages"],
            [{"language": "de", "name": "Deutsch"},
             {"language": "en", "name": "Englisch"}])
        self.assertEqual(
            answers["key"]["data"]["translations"][0]["translatedText"],
            self.expected[0])

    def test_google_v2_is_told_what_is_wrong(self):
        answers = self.google
        self.assertEqual(answers["unknown"][0], "BadRequest")
        self.assertIn("target: found \"xx\"", answers["unknown"][1])
        self.assertIn("cid: ", answers["cid"][1])
        status, reply = answers["error"]
        self.assertEqual(status, 400)
        self.assertEqual(reply["error"]["code"], 400)
        self.assertIn("target: found nothing", reply["error"]["message"])

    def test_limits_are_told_as_each_api_does(self):
        self.assertEqual(self.limits["large"], [200] * 3)
        self.assertEqual(self.limits["too large"][0], 413)
        self.assertEqual(list(self.limits["too large"][1]), ["message"])
        deepl, libretranslate, google = self.limits["too fast"]
        for status, wait, _ in self.limits["too fast"]:
            self.assertEqual(status, 429)
            self.assertGreaterEqual(int(wait), 1)
        self.assertIn("too fast", deepl[2]["message"])
        self.assertIn("too fast", libretranslate[2]["error"])
        self.assertEqual(google[2]["error"]["errors"][0]["reason"],
                         "rateLimitExceeded")

    def test_markup(self):
        for text in (self.deepl["markup"], self.libretranslate["markup"],
                     self.google["markup"]):
            self.assertEqual(text, f"<p>{self.expected[0]}</p>")
        for text in self.deepl["ignored"]:
            self.assertTrue(text.startswith("<r>") and text.endswith(
                '<keep id="1">The old house.</keep></r>'), text)
            self.assertNotIn("peregrine", text)

    def test_calls_are_counted_by_api(self):
        for api, count in self.calls.items():
            self.assertGreater(count, 3, api)
