"""Whose rules `decontaminate` knows, and where they are written."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "curate": {},
    "gpt3": {
        "method": "any", "text": "item", "ngram": 13, "threshold": 0.0, "max_documents": 10,
        "action": "cut", "window": 200, "min_piece": 200, "max_pieces": 10,
    },
    "llama2": {
        "method": "skipgram", "text": "item", "ngram": 10, "budget": 4, "threshold": 0.2, "act_at": 0.8,
        "max_documents": None,
    },
    "llama3": {"method": "share", "text": "item", "ngram": 8, "threshold": 0.7, "max_documents": None},
    "dclm": {
        "method": "whole", "text": "last_sentence", "ngram": 3, "threshold": 0.0, "answers": "choice",
        "max_documents": None, "action": "cut",
    },
    "olmo": {
        "method": "whole", "text": "lines", "words": "lines", "ngram": 1, "min_words": 13, "threshold": 0.0,
        "max_documents": None,
    },
    "datatrove": {
        "method": "any", "text": "answer_overlap", "words": "folded", "ngram": 12, "threshold": 0.0,
        "max_documents": None,
    },
    "decon": {
        "method": "cluster", "text": "question", "ngram": 5, "sample": 10, "budget": 11, "threshold": 0.8,
        "perfect_up_to": 20, "lenient_from": 50, "answers": "near", "max_documents": None,
    },
}  # fmt: skip
"""gpt3: Brown et al. 2020 (arXiv:2005.14165), appendix C: 13 words in lower case without punctuation; the match and 200
characters around it are cut out, pieces of less than 200 go, documents in more than 10 pieces go; 13-grams in more than
10 documents do not count. EleutherAI/lm-evaluation-harness has it as scripts/clean_training_data (janitor.py).

llama2: Touvron et al. 2023 (arXiv:2307.09288), appendix A.6: a token is contaminated if it is in a match of 10 or more
that may differ in 4 places, none of them among the first 10 or at the end; samples of less than 20 % are clean, of 80 %
or more dirty. Here words are the tokens.

llama3: Grattafiori et al. 2024 (arXiv:2407.21783), section 5.1.4: tokens in 8-grams that the corpus has. The share is
chosen for each benchmark, and none is published: 0.7 is PaLM's for 8-grams (Chowdhery et al. 2022, arXiv:2204.02311,
section 8), `thresholds` takes others. Here words are the tokens, and one document must hold the share.

dclm: Li et al. 2024 (arXiv:2406.11794), section 4.6: the last sentence of a question and one of its options, which are
cut out. 3 words are the least here.

olmo: allenai/dolma, docs and configs of decontamination (config/dolma-v1_5/decontamination): paragraphs of at least 13
uniseg words with a letter or digit, the same as a whole; the document goes. dolma asks a Bloom filter that errs once in
10^15, here it is a table.

datatrove: NGramsDecontIndexer and NGramsDecontFilter (datatrove 0.10, pipeline/decont/n_grams.py): 12-grams of the
label and across query and label; `text: question_answer_overlap` is find_query_ngrams.

decon: allenai/decon (doc/simple.md, doc/simple-details.md, config/default.yaml): 5-grams, every tenth looked up, up to
11 misses in a row, weighted overlap of 0.8 (1 up to 20 tokens, in between up to 50), and an answer near by. Here words
are the tokens (its `word` tokenizer).

Numbers of datatrove, olmo and decon are from the projects' repositories. Those of papers (gpt3, llama2, llama3, PaLM,
dclm) are from memory and were not compared with the papers."""
