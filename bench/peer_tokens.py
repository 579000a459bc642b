"""datatrove's DocumentTokenizer, Parquet to .ds. Runs in the peers' environment; prints CPU seconds.

`python bench/peer_tokens.py DOCS TOKENIZER OUT`. Documents are not shuffled, which saves it a second pass.
"""

from __future__ import annotations

import sys
import time

import pyarrow as pa
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.tokens import DocumentTokenizer
from datatrove.utils.logging import logger


def main() -> None:
    """Tokenize a folder, with the tokenizer loaded before the clock starts."""
    docs, tokenizer, out = sys.argv[1:]
    logger.remove()
    pa.set_cpu_count(1)
    step = DocumentTokenizer(out, tokenizer_name_or_path=tokenizer, eos_token="<|endoftext|>", shuffle_documents=False)
    step.tokenizer.encode("Loads the tokenizer.")
    start = time.process_time()
    step.run(ParquetReader(docs, glob_pattern="*.parquet").run(None, 0, 1), 0, 1)
    print(time.process_time() - start)


if __name__ == "__main__":
    main()
