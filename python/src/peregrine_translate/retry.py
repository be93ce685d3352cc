"""When to send again what a full server refused."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Pauses double from `first_pause` to `longest_pause`, in seconds."""

    max_attempts: int = 10  #: of a text, and of a stream, without progress
    first_pause: float = 0.1
    longest_pause: float = 5.0

    def pause(self, attempt: int) -> float:
        """Before the attempt after `attempt`, counted from 1."""
        longest = min(self.first_pause * 2.0 ** min(attempt - 1, 20), self.longest_pause)
        return longest * random.uniform(0.5, 1.0)
