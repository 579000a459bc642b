"""Imported by the process that runs of `killed.py` are forked from: all that they would import and compile."""

from __future__ import annotations

from datacurate.sources import formats
from tests import killed
from tests.contract import exam

formats()
for name in killed.STAGES:
    if name != "semantic":  # torch is never needed: `killed.py` puts something simpler in the model's place
        exam.make(name).warm()
