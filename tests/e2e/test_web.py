"""The page of deploy/web in a real browser, behind the real Envoy.

The browser is driven by web_page.py, in the environment of scripts/edge-env.
"""

import os
import shutil
import subprocess
import tempfile
import unittest
import urllib.request

import edge
import harness

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "web_page.py")
CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
KINDS = {".css": "text/css", ".js": "text/javascript"}


class WebTest(unittest.TestCase):
    def test_the_page_says_what_it_is(self):
        if not edge.ENVOY:
            self.skipTest("Envoy is missing: run scripts/edge-env")
        with harness.Server("--workers=1") as server, edge.Edge([server]) as way:
            with urllib.request.urlopen(way.url + "/", timeout=30,
                                        context=way.ssl_context()) as reply:
                headers, body = reply.headers, reply.read().decode()
            self.assertEqual(headers["content-type"], "text/html; charset=utf-8")
            self.assertIn("default-src 'none'", headers["content-security-policy"])
            self.assertNotIn("unsafe", headers["content-security-policy"])
            self.assertIn("<title>Peregrine: translate</title>", body)
            for name in os.listdir(os.path.join(harness.SOURCE_DIR, "deploy", "web")):
                if name != "index.html":
                    with urllib.request.urlopen(f"{way.url}/{name}", timeout=30,
                                                context=way.ssl_context()) as reply:
                        kind = reply.headers["content-type"].split(";")[0]
                    self.assertEqual(kind, KINDS[os.path.splitext(name)[1]], name)

    @edge.needs_envoy
    @edge.needs_peers
    @unittest.skipUnless(CHROMIUM and DRIVER,
                         "a browser is missing: packages chromium, chromium-driver")
    def test_a_person_translates(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "animals.tsv"), "w", encoding="utf-8") as file:
                file.write("cat\tMieze\n")
            done = self.use_page(folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def use_page(self, glossaries):
        with harness.Server("--workers=1", f"--glossaries={glossaries}") as server, \
                edge.Edge([server]) as way:
            return subprocess.run(
                [edge.VENV_PYTHON, "-B", PAGE, way.url, DRIVER,
                 str(server.process.pid)],
                capture_output=True, text=True, timeout=240)


if __name__ == "__main__":
    unittest.main()
