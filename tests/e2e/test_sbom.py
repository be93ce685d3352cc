"""scripts/sbom: what it lists, and that scanners can read it."""

import json
import os
import re
import subprocess
import unittest

import harness

VENV_PYTHON = os.path.join(harness.SOURCE_DIR, ".cache", "edge-venv", "bin",
                           "python")
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
sys.exit(str(error) if error else 0)
"""


class SbomTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.text = subprocess.run(
            [os.path.join(harness.SOURCE_DIR, "scripts", "sbom"),
             f"--bin={harness.BIN}"],
            capture_output=True, text=True, timeout=120, check=True).stdout
        cls.bill = json.loads(cls.text)

    def test_every_library_of_every_program_is_in_it(self):
        listed = {part["name"]: part for part in self.bill["components"]}
        needs = {part["ref"]: part["dependsOn"]
                 for part in self.bill["dependencies"]}
        for name in ("peregrine-server", "peregrine", "peregrine-compare"):
            libraries = re.findall(r"=> (/\S+)", subprocess.run(
                ["ldd", os.path.join(harness.BIN, name)], capture_output=True,
                text=True, timeout=60, check=True).stdout)
            self.assertGreater(len(needs[name]), 5)
            self.assertEqual("libdnnl2" in str(needs[name]),
                             any("libdnnl" in path for path in libraries))
        for name in ("libgrpc++1.51", "libprotobuf32", "libssl3",
                     "googleapis-common-protos"):
            self.assertRegex(listed[name]["purl"], r"^pkg:(deb|pypi)/.+@\d")

    @unittest.skipUnless(os.path.exists(VENV_PYTHON),
                         "cyclonedx is missing: run scripts/edge-env")
    def test_it_is_as_the_schema_says(self):
        run = subprocess.run([VENV_PYTHON, "-c", VALIDATE], input=self.text,
                             capture_output=True, text=True, timeout=120,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
