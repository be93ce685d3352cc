"""Glossaries that the server stores: files, the service, requests by name."""

import os
import tempfile
import time
import unittest

import grpc
from google.rpc import error_details_pb2

import harness
from harness import best, pb
from peregrine.v1 import glossary_pb2, glossary_pb2_grpc

TEXT = "The house is old."


class GlossariesTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.write("houses.tsv", "# languages: en de\nhouse\tGebäude\n")
        self.server = harness.Server("--admin-listen=127.0.0.1:0",
                                     f"--glossaries={self.folder.name}",
                                     "--protect-pattern=ID-[0-9]+ [a-z]+")
        self.addCleanup(self.server.stop)
        self.admin = glossary_pb2_grpc.GlossaryServiceStub(
            self.server.connect(self.server.admin_address))
        self.reader = glossary_pb2_grpc.GlossaryServiceStub(self.server.channel)

    def write(self, name, content):
        with open(os.path.join(self.folder.name, name), "w",
                  encoding="utf-8") as file:
            file.write(content)

    def translate(self, *names):
        return best(self.server.translate(
            TEXT, text_options=pb.TextOptions(glossaries=names)))

    def names(self):
        return [g.name for g in self.reader.ListGlossaries(
            glossary_pb2.ListGlossariesRequest()).glossaries]

    def assert_code(self, code, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertEqual(caught.exception.code(), code)
        return caught.exception.details()

    def test_a_request_names_them(self):
        self.assertIn("Gebäude", self.translate("houses"))
        self.assertNotIn("Gebäude", self.translate())
        why = self.assert_code(grpc.StatusCode.INVALID_ARGUMENT,
                               lambda: self.translate("horses"))
        self.assertIn("text_options.glossaries[0]", why)
        self.assertIn("houses", why)

    def test_it_must_be_for_the_languages(self):
        self.admin.PutGlossary(glossary_pb2.PutGlossaryRequest(
            name="french", source_language="fr", target_language="de",
            terms=[pb.Term(source="maison", targets=["Haus"])]))
        why = self.assert_code(grpc.StatusCode.INVALID_ARGUMENT,
                               lambda: self.translate("houses", "french"))
        self.assertIn("is from fr into de", why)

    def test_what_is_put_lasts_and_what_is_deleted_is_gone(self):
        put = self.admin.PutGlossary(glossary_pb2.PutGlossaryRequest(
            name="mine", source_language="en", target_language="de",
            terms=[pb.Term(source="house", targets=["Bude"]),
                   pb.Term(source="Old Kite", case_sensitive=True)]))
        self.assertEqual(put.glossary.term_count, 2)
        self.assertEqual(self.names(), ["houses", "mine"])
        self.assertIn("Bude", self.translate("mine"))
        # The first that has a term counts.
        self.assertIn("Gebäude", self.translate("houses", "mine"))
        got = self.reader.GetGlossary(
            glossary_pb2.GetGlossaryRequest(name="mine"))
        self.assertEqual([t.source for t in got.terms], ["house", "Old Kite"])
        self.assertTrue(got.terms[1].case_sensitive)
        with open(os.path.join(self.folder.name, "mine.tsv"),
                  encoding="utf-8") as file:
            self.assertIn("house\tBude\n", file.read())
        self.admin.DeleteGlossary(
            glossary_pb2.DeleteGlossaryRequest(name="mine"))
        self.assertEqual(self.names(), ["houses"])
        self.assertEqual(os.listdir(self.folder.name), ["houses.tsv"])

    def test_changes_are_noticed(self):
        self.write("new.tsv", "house\tHütte\n")
        deadline = time.monotonic() + 60
        while "new" not in self.names() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertIn("Hütte", self.translate("new"))

    def test_only_administrators_change_them(self):
        put = glossary_pb2.PutGlossaryRequest(
            name="x", terms=[pb.Term(source="a", targets=["b"])])
        self.assert_code(grpc.StatusCode.PERMISSION_DENIED,
                         lambda: self.reader.PutGlossary(put))
        self.assert_code(
            grpc.StatusCode.PERMISSION_DENIED,
            lambda: self.reader.DeleteGlossary(
                glossary_pb2.DeleteGlossaryRequest(name="houses")))
        put.name = "../x"
        with self.assertRaises(grpc.RpcError) as caught:
            self.admin.PutGlossary(put)
        violations = harness.detail(caught.exception,
                                    error_details_pb2.BadRequest)
        self.assertEqual([v.field for v in violations.field_violations], ["name"])
        self.assertIn("../x", violations.field_violations[0].description)

    def test_the_command(self):
        terms = os.path.join(self.folder.name, "terms.txt")
        self.write("terms.txt", "house\tBude\n# case-sensitive\nOld\n")
        admin = f"--address={self.server.admin_address}"

        def run(*arguments):
            out = harness.client(self.server, "glossaries", *arguments)
            return out.returncode, out.stdout.decode(), out.stderr.decode()

        code, out, error = run("put", admin, "--from=en", "--to=de", "mine", terms)
        self.assertEqual((code, out), (0, "mine\ten\tde\t2\n"), error)
        self.assertEqual(run("list")[1],
                         "houses\ten\tde\t1\nmine\ten\tde\t2\n")
        self.assertEqual(run("get", "mine")[1],
                         "house\tBude\n# case-sensitive\nOld\n")
        text = harness.client(self.server, "translate",
                              "--stored-glossary=mine", TEXT)
        self.assertIn("Bude", text.stdout.decode())
        self.assertEqual(run("delete", admin, "mine")[0], 0)
        code, _, error = run("get", "mine")
        self.assertNotEqual(code, 0)
        self.assertIn("houses", error)

    def test_patterns_of_the_server(self):
        text = best(self.server.translate("The old house ID-42 the was sold."))
        self.assertEqual(text.count("ID-42 the"), 1, text)


if __name__ == "__main__":
    unittest.main()
