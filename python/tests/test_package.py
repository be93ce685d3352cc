"""What is shipped: a wheel and a source distribution that stand alone."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def run(*arguments, **options):
    done = subprocess.run(arguments, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_distributions(tmp_path):
    # The wheel is made of the source distribution, which holds the contract.
    run(sys.executable, "-m", "build", "--outdir", str(tmp_path), str(PACKAGE))
    (sdist,) = tmp_path.glob("*.tar.gz")
    (wheel,) = tmp_path.glob("*.whl")
    names = tarfile.open(sdist).getnames()
    assert any(name.endswith("/proto/peregrine/v1/translation.proto") for name in names)
    assert not any("_wire" in name for name in names)
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("py.typed", "_wire/translation_pb2.py", "_wire/translation_pb2.pyi", "_wire/glossary_pb2_grpc.py",
                 "_wire/service_config.json"):
        assert f"peregrine_translate/{name}" in names
    run(sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel))

    venv = tmp_path / "venv"
    # Its dependencies are those of this environment.
    run(sys.executable, "-m", "venv", "--system-site-packages", str(venv))
    python = venv / "bin" / "python"
    run(str(python), "-m", "pip", "install", "--no-deps", "--no-index",
        "--target", str(tmp_path / "target"), str(wheel))
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import peregrine_translate as p;"
            "assert p.__file__.startswith(sys.argv[1]), p.__file__; p.Client().close()")
    run(sys.executable, "-c", code, str(tmp_path / "target"), cwd=tmp_path)
