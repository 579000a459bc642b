"""datatrove and nanotron: tokens in SPLIT/00000.ds, ends of documents in .ds.index, a note in .ds.metadata.

As datatrove 0.10 writes them (pipeline/tokens/tokenizer.py, TokenizedFile): tokens of 2 bytes, or 4 where ids need
them; ends in tokens, 8 bytes each; a name and the size of a token, the number of tokens, and that number for people. A
split is one file, because the reader drops what is left over at the end of each (utils/dataset.py).
"""

from __future__ import annotations

import numpy as np

from datacurate.mixture.export.files import About, Files, Format, small
from datacurate.mixture.export.samples import Samples


class DatatroveDs(Format):
    """datatrove and nanotron: .ds files, read in windows of any length.

    Where there are tokens that no loss is taken of, .ds.loss has a byte for each token: 1 if it is scored.
    """

    loss_mask = ".ds.loss"

    def __init__(self, files: Files, about: About) -> None:
        super().__init__(files, about)
        self.name = f"{about.split}/00000.ds"
        self.dtype = np.dtype("<u2" if small(about.vocabulary) else "<u4")
        self.tokens, self.ends, self.count = files.open(self.name), files.open(f"{self.name}.index"), 0
        self.loss = files.open(f"{self.name}.loss") if about.masked else None

    def add(self, samples: Samples) -> None:
        """Append tokens and ends."""
        self.tokens.write(samples.tokens.astype(self.dtype))
        self.ends.write((samples.offsets[1:] + self.count).astype("<u8"))
        self.count += int(samples.offsets[-1])
        if self.loss is not None:
            self.loss.write(samples.scored().astype(np.uint8))

    def close(self) -> None:
        """Write the note."""
        self.tokens.close()
        self.ends.close()
        if self.loss is not None:
            self.loss.close()
        note = f"{self.about.name}|{self.dtype.itemsize}\n{self.count}\n{people(self.count)}"
        self.files.write(f"{self.name}.metadata", note)


def people(count: int) -> str:
    """A number of tokens with three digits and a metric prefix: 1.23 GT."""
    power = len(str(count)) - 1
    prefix = ("", "k", "M", "G", "T", "P", "E")[power // 3]
    return f"{count / 10 ** (power // 3 * 3):.{2 - power % 3}f} {prefix}T"
