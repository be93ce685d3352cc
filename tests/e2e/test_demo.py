"""scripts/demo, where its build is up to date: a second run is quick."""

import os
import subprocess
import time
import unittest

import harness


class DemoTest(unittest.TestCase):

    def setUp(self):
        if not harness.BIN.startswith(
                os.path.join(harness.SOURCE_DIR, "build", "release") + "/"):
            self.skipTest("the demo is of build/release, not of this build")

    def test_second_run(self):
        demo = os.path.join(harness.SOURCE_DIR, "scripts", "demo")
        subprocess.run([demo], capture_output=True, timeout=600, check=True)
        run = subprocess.run([demo], capture_output=True, timeout=120,
                             check=False)
        output = run.stdout.decode() + run.stderr.decode()
        self.assertEqual(run.returncode, 0, output)
        for words in ("The weather is nice today.", "p50", "p95",
                      "end to end", "tokens", "stopped"):
            self.assertIn(words, output)


if __name__ == "__main__":
    unittest.main()
