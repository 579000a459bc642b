"""Runs in the peers' environment: datatrove's n-gram decontamination over documents, and how long it takes.

Standard input is JSON: `pairs` of query, label and task; `docs`; `query` (find_query_ngrams); `seconds`, after which no
more documents are asked. Output: `found`, for each document that was asked the n-gram and task that accuse it, or null;
and `cpu`, the seconds that took.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter, NGramsDecontIndexer
from datatrove.utils.hashing import create_hash_func
from datatrove.utils.word_tokenizers import load_word_tokenizer

asked = json.load(sys.stdin)
config = NGramsDecontConfig(find_query_ngrams=asked["query"])
indexer = object.__new__(NGramsDecontIndexer)  # its constructor wants lighteval, which only loads tasks by name
indexer.config, indexer.tokenizer = config, load_word_tokenizer("eng_Latn")
indexer.hash_func = create_hash_func(config.hash_config)
hashes: dict[str, set[int]] = {}
for query, label, task in asked["pairs"]:
    hashes.setdefault(task, set()).update(indexer.compute_hashes(label, query))

with tempfile.TemporaryDirectory() as folder:
    for task, some in hashes.items():
        np.array(list(some), config.hash_config.np_descr).tofile(Path(folder) / f"{task}.index.hashes")
    judge = NGramsDecontFilter(folder, config, language="eng_Latn")
    judge.load_index_hashes()
    judge.filter(Document(text="Loads the tokenizer.", id="0"))
    found = []
    start = time.process_time()
    for text in asked["docs"]:
        doc = Document(text=text, id="0")
        kept = judge.filter(doc)
        found.append(None if kept is True else [doc.metadata["contaminated_ngram"], doc.metadata["contaminated_task"]])
        if time.process_time() - start > asked.get("seconds", 1e9):
            break
    cpu = time.process_time() - start
json.dump({"found": found, "cpu": cpu}, sys.stdout)
