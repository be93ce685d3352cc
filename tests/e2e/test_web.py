"""The page of deploy/web in a real browser, behind the real Envoy.

The browser is driven by web_page.py, in the environment of scripts/edge-env.
"""

import os
import shutil
import subprocess
import unittest
import urllib.request

import edge
import harness

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "web_page.py")
CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")


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
            self.assertIn("<title>Peregrine: translate</title>", body)

    @edge.needs_envoy
    @edge.needs_peers
    @unittest.skipUnless(CHROMIUM and DRIVER,
                         "a browser is missing: packages chromium, chromium-driver")
    def test_a_person_translates(self):
        with harness.Server("--workers=1") as server, edge.Edge([server]) as way:
            done = subprocess.run(
                [edge.VENV_PYTHON, "-B", PAGE, way.url, DRIVER,
                 str(server.process.pid)],
                capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
