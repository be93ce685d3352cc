"""Runs the steps of a whole recipe, each once: from the corpora to the released model.

    python -m peregrine_training.pipeline configs/en-de.toml --data ../../shared/data

The file lists `[[steps]]`: a name, a stage of this package, its arguments, and for training
the number of processes. In arguments, {data} is --data and {root} the directory of the
pipeline's runs. What is done is marked there; called again, the pipeline goes on where it
stopped, and training goes on from its last checkpoint. A step whose line has changed, and
all after it, are done anew.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field

from peregrine_convert.config import from_dict



@dataclass
class Step:
    name: str
    stage: str
    arguments: list[str] = field(default_factory=list)
    processes: int = 1

    def command(self, places: dict[str, str]) -> list[str]:
        launch = ["-m", "torch.distributed.run", "--standalone",
                  f"--nproc-per-node={self.processes}"] if self.processes > 1 else []
        return [sys.executable, *launch, "-m", f"peregrine_training.{self.stage}",
                *(argument.format(**places) for argument in self.arguments)]


@dataclass
class Pipeline:
    name: str
    steps: list[Step]

    @classmethod
    def load(cls, path: pathlib.Path) -> Pipeline:
        with open(path, "rb") as file:
            pipeline = from_dict(cls, tomllib.load(file))
        names = [step.name for step in pipeline.steps]
        if twice := [name for name in names if names.count(name) > 1]:
            raise SystemExit(f"{path}: two steps are called {twice[0]!r}")
        return pipeline


def run(pipeline: Pipeline, root: pathlib.Path, data: pathlib.Path) -> None:
    done = root / pipeline.name / "steps"
    done.mkdir(parents=True, exist_ok=True)
    places = {"data": str(data), "root": str(root)}
    fresh = True  # whether all steps so far were done before
    for number, step in enumerate(pipeline.steps, 1):
        command, mark = step.command(places), done / step.name
        line = " ".join(command[1:])
        fresh = fresh and mark.exists() and mark.read_text(encoding="utf-8") == line
        if fresh:
            print(f"{number}. {step.name}: done before", flush=True)
            continue
        print(f"{number}. {step.name}: {line}", flush=True)
        mark.unlink(missing_ok=True)
        if status := subprocess.run(command).returncode:
            raise SystemExit(f"step {step.name!r} ended with {status}; the steps before it are "
                             "kept: run the same command again")
        mark.write_text(line, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../../shared/data"))
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("runs"))
    arguments = parser.parse_args()
    run(Pipeline.load(arguments.pipeline), arguments.root, arguments.data)


if __name__ == "__main__":
    main()
