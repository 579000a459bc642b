"""One measurement in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from datacurate.core.memory import keep_memory


def alone(script: str, *words: str) -> dict[str, Any]:
    """What `python SCRIPT --one WORDS` prints in its last line, which is JSON."""
    keep_memory()
    run = subprocess.run([sys.executable, script, "--one", *words], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])
