"""kubectl as a person has it: a kubeconfig, a home of its own, and output to look at."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass(frozen=True, slots=True)
class Kubectl:
    kubeconfig: Path
    home: Path
    namespace: str = "default"
    more: Mapping[str, str] = field(default_factory=dict)
    """Further environment."""

    def command(self, *words: str) -> list[str]:
        return ["kubectl", f"--namespace={self.namespace}", *words]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            **self.more,
        }

    def __call__(self, *words: str, stdin: str = "") -> Said:
        done = subprocess.run(
            self.command(*words),
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=SECONDS_MAX,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str, stdin: str = "") -> str:
        """Standard output of a command that must succeed."""
        said = self(*words, stdin=stdin)
        assert said.code == 0, (words, said.out, said.err)
        return said.out

    def until(self, wanted: str, *words: str) -> str:
        """Ask again until the answer holds the wanted words."""
        deadline = time.monotonic() + SECONDS_MAX
        while wanted not in (out := self(*words).out):
            assert time.monotonic() < deadline, (words, out)
            time.sleep(0.1)
        return out
