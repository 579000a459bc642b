"""NumPy: all tokens one after another in train.bin and val.bin, as nanoGPT reads them, and meta.pkl.

nanoGPT (train.py, data/openwebtext/prepare.py) maps the files as uint16; ids that need more are uint32 here, and
meta.json says which it is.
"""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np

from datacurate.mixture.export.files import About, Files, Format, small
from datacurate.mixture.export.samples import Samples

NAMES = {"train": "train.bin", "validation": "val.bin"}


class NumpyMemmap(Format):
    """nanoGPT, and everything that maps a flat file: train.bin and val.bin."""

    def __init__(self, files: Files, about: About) -> None:
        super().__init__(files, about)
        self.dtype = dtype_of(about.vocabulary)
        self.tokens = files.open(NAMES[about.split])

    def add(self, samples: Samples) -> None:
        """Append the tokens."""
        self.tokens.write(samples.tokens.astype(self.dtype))

    def close(self) -> None:
        """Nothing comes last."""
        self.tokens.close()

    @staticmethod
    def finish(files: Files, receipt: dict[str, Any]) -> None:
        """meta.pkl, of which nanoGPT reads `vocab_size`, and the same as JSON."""
        vocabulary = receipt["vocabulary"]
        meta = {"vocab_size": vocabulary, "dtype": dtype_of(vocabulary).name, "end_of_text": receipt["end_of_text"]}
        meta["tokens"] = {NAMES[split]: told["tokens"] + told["padding"] for split, told in receipt["splits"].items()}
        file = files.open("meta.pkl")
        file.write(pickle.dumps(meta, protocol=4))
        file.close()
        files.write("meta.json", json.dumps(meta, indent=1) + "\n")


def dtype_of(vocabulary: int) -> np.dtype:
    """The type of the tokens."""
    return np.dtype("<u2" if small(vocabulary) else "<u4")
