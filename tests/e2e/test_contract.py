"""The contract as other languages and tools see it."""

import os
import re
import subprocess
import unittest

import harness

PROTO_DIR = os.path.join(harness.SOURCE_DIR, "proto")
VENV = os.path.join(harness.SOURCE_DIR, ".cache", "edge-venv", "bin")
LANGUAGE_OPTIONS = {"csharp_namespace", "go_package", "java_multiple_files",
                    "java_outer_classname", "java_package",
                    "objc_class_prefix", "php_namespace", "ruby_package"}


def in_venv(name):
    return os.path.join(VENV, name)


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          check=False, **more)


@unittest.skipUnless(os.path.exists(in_venv("python")),
                     "buf and others are missing: run scripts/edge-env")
class ContractTest(unittest.TestCase):

    def test_the_rules_of_buf(self):
        lint = run(in_venv("buf"), "lint", cwd=PROTO_DIR)
        self.assertEqual(lint.returncode, 0, lint.stdout + lint.stderr)

    def test_python_can_have_ours_beside_the_public_packages(self):
        """One process, one pool of descriptors: the code generated of our copy
        of google/rpc, after that of googleapis-common-protos. Both orders of
        one name would fail where they differ."""
        generated = next(path for path in os.environ["PYTHONPATH"].split(":")
                         if os.path.exists(os.path.join(path, "peregrine")))
        program = (
            "import sys\n"
            "from google.rpc import error_details_pb2, status_pb2\n"
            "folder = sys.argv[1]\n"
            "for name in ('google/rpc/error_details_pb2.py',\n"
            "             'google/rpc/status_pb2.py'):\n"
            "    exec(open(f'{folder}/{name}').read(), {'__name__': name})\n"
            "sys.path.append(folder)\n"
            "from peregrine.v1 import admin_pb2, translation_pb2\n"
            "assert error_details_pb2.QuotaFailure\n")
        done = run(in_venv("python"), "-c", program, generated,
                   env={**os.environ, "PYTHONPATH": ""})
        self.assertEqual(done.returncode, 0, done.stderr)


class LanguagesTest(unittest.TestCase):

    def test_every_file_has_a_package_in_every_language(self):
        folder = os.path.join(PROTO_DIR, "peregrine", "v1")
        files = [name for name in os.listdir(folder)
                 if name.endswith(".proto")]
        self.assertGreater(len(files), 1)
        for name in files:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found = set(re.findall(r"^option (\w+) =", file.read(), re.M))
            self.assertEqual(LANGUAGE_OPTIONS - found, set(), name)


if __name__ == "__main__":
    unittest.main()
