"""datatrove's sentence deduplication, all three steps: run in the peers' environment by test_spans_parity.py.

Reads documents as JSON lines, `id` and `text`, from standard input, in the order in which the first of equals is kept;
writes those that go on. `min_doc_words` and `min_num_sentences` are the arguments.
"""

import json
import sys
import tempfile

from datatrove.data import Document
from datatrove.pipeline.dedup.sentence_dedup import (
    SentDedupConfig,
    SentenceDedupFilter,
    SentenceDedupSignature,
    SentenceFindDedups,
)


def main() -> None:
    config = SentDedupConfig(min_doc_words=int(sys.argv[1]), min_num_sentences=int(sys.argv[2]))
    docs = [Document(**json.loads(line)) for line in sys.stdin]
    with tempfile.TemporaryDirectory() as folder:
        SentenceDedupSignature(f"{folder}/sigs", config=config).run(docs, 0, 1)
        SentenceFindDedups(f"{folder}/sigs", f"{folder}/dups", config=config).run()
        for doc in SentenceDedupFilter(f"{folder}/dups", config=config).run(docs, 0, 1):
            print(json.dumps({"id": doc.id, "text": doc.text}))


main()
