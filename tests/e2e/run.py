"""Runs one file of tests, or some of it: run.py FILE [CLASS[.TEST] ...]. Exit
code 77 where it can't run."""

import os
import sys
import time
import unittest

SKIPPED = 77
SLOW_SECONDS = 5


class TimedResult(unittest.TextTestResult):
    """Tells which tests were slow."""

    def startTest(self, test):
        self._start = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.monotonic() - self._start
        if seconds > SLOW_SECONDS:
            self.stream.writeln(f"  that took {seconds:.1f} s")


def skip(reason):
    print(f"skipped: {os.path.basename(sys.argv[1])}: {reason}")
    sys.exit(SKIPPED)


def main():
    try:
        import grpc  # noqa: F401
    except ImportError as error:
        skip(f"{error} (Debian: python3-grpcio)")
    model = os.path.join(os.environ["PEREGRINE_SOURCE_DIR"], "models",
                         "en-de-mdn", "model.safetensors")
    if not os.path.exists(model):
        skip(f"{model} is not there")

    folder, file = os.path.split(os.path.abspath(sys.argv[1]))
    sys.path.insert(0, folder)
    module = file[:-len(".py")]
    names = [f"{module}.{name}" for name in sys.argv[2:]] or [module]
    tests = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(
        stream=sys.stdout, verbosity=2, resultclass=TimedResult).run(tests)
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == len(result.skipped):
        sys.exit(SKIPPED)


if __name__ == "__main__":
    main()
