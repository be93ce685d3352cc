"""Makes the package importable from wherever pytest runs."""

import pathlib
import sys

import torch

# Models this small only lose by sharing their work.
torch.set_num_threads(1)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
