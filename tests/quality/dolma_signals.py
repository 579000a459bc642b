"""Runs in dolma's environment: what dolma's own taggers, and tokenizers that DCLM, RedPajama and NeMo call, say.

Each input line is {"text"}; each output line has the scores of `gopher_v1` by name, and counts that follow from the
packages: fastText's and NLTK's words, and `[[:alpha:]]` of `regex`. With an argument it prints, instead,

- `c4`: the attributes of `c4_v1` and `c4_v2`, as dolma writes them;
- `mix NAME`: each text as dolma's mixer leaves it under the rules of its configs/c4-replication/mixer.yaml, of which it
  cuts out only the lines `NAME`; null where it drops the document;
- `naughty`: the path of dolma's list;
- `alphabetic`: the characters of Python's Unicode that `[[:alpha:]]` matches and `str.isalpha()` does not.
"""

import gzip
import json
import sys
import tempfile
import unicodedata
from pathlib import Path

import nltk
import regex

nltk.download = lambda *args, **more: False  # dolma asks the network for Punkt at import; no tagger here needs it

import dolma  # noqa: E402
from dolma.core.data_types import Document, InputSpec  # noqa: E402
from dolma.taggers.c4 import C4Tagger, FasterC4Tagger  # noqa: E402
from dolma.taggers.gopher import GopherTagger  # noqa: E402
from fasttext.FastText import tokenize  # noqa: E402
from nltk.tokenize import WordPunctTokenizer  # noqa: E402

ALPHA = regex.compile("[[:alpha:]]")


def scores(text):
    spans = GopherTagger().predict(Document(source="", version="", id="", text=text)).spans
    return {span.type: span.score for span in spans}


def c4(text):
    row = InputSpec(id="", text=text)
    return {"c4_v1": C4Tagger().tag(row), "c4_v2": FasterC4Tagger().tag(row)}


def has(name):
    """The expression of the published configuration that excludes documents with an attribute."""
    field = f"@.c4_v2__c4_v2__{name}"
    return f"$.attributes[?({field} && {field}[0] && {field}[0][2] > 0.5)]"


def mixed(texts, lines):
    """What dolma's mixer writes of each text; None for those that it drops."""
    with tempfile.TemporaryDirectory() as folder:
        places = {kind: Path(folder) / kind for kind in ("documents", "attributes/c4_v2", "mixed")}
        for place in places.values():
            place.mkdir(parents=True)
        tags = [FasterC4Tagger().tag(InputSpec(id="", text=text)) for text in texts]
        named = [{f"c4_v2__c4_v2__{name}": spans for name, spans in tag.items()} for tag in tags]
        rows = {
            "documents": [{"id": str(i), "text": text, "source": ""} for i, text in enumerate(texts)],
            "attributes/c4_v2": [{"id": str(i), "attributes": attributes} for i, attributes in enumerate(named)],
        }
        for kind, records in rows.items():
            with gzip.open(places[kind] / "0.jsonl.gz", "wt", encoding="utf-8") as file:
                file.writelines(json.dumps(record) + "\n" for record in records)
        marks = ("has_curly_brace", "has_lorem_ipsum", "has_javascript", "has_naughty_word")
        span = {"span": f"$.attributes.c4_v2__c4_v2__{lines}", "min_score": 0.5, "replacement": ""}
        stream = {
            "name": "mixed",
            "documents": [f"{places['documents']}/*"],
            "attributes": ["c4_v2"],
            "output": {"path": str(places["mixed"]), "max_size_in_bytes": 10**9},
            "filter": {"include": [], "exclude": [has(name) for name in marks], "syntax": "jsonpath"},
            "span_replacement": [{**span, "syntax": "jsonpath"}],
            "compression": {"input": None, "output": None},
        }
        work = {"input": f"{folder}/in", "output": f"{folder}/out"}
        dolma.mixer({"work_dir": work, "processes": 1, "streams": [stream], "shuffle": False})
        left = {}
        for path in places["mixed"].glob("**/*.gz"):
            with gzip.open(path, "rt", encoding="utf-8") as file:
                left |= {row["id"]: row["text"] for row in map(json.loads, file)}
    return [left.get(str(i)) for i in range(len(texts))]


def alphabetic():
    chars = (chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    assigned = (char for char in chars if unicodedata.category(char) != "Cn")
    return [ord(char) for char in assigned if ALPHA.search(char) and not char.isalpha()]


def main():
    if sys.argv[1:] == ["alphabetic"]:
        print(json.dumps(alphabetic()))
        return
    if sys.argv[1:] == ["naughty"]:
        print(Path(dolma.__file__).parent / "data" / "naughty_words_en.txt")
        return
    sys.stdin.reconfigure(encoding="utf-8")
    texts = (json.loads(line)["text"] for line in sys.stdin)
    if sys.argv[1:2] == ["mix"]:
        for text in mixed(list(texts), sys.argv[2]):
            print(json.dumps(text))
        return
    if sys.argv[1:] == ["c4"]:
        for text in texts:
            print(json.dumps(c4(text)))
        return
    words = WordPunctTokenizer()
    for text in texts:
        raw = words.tokenize(text)
        answer = {
            "gopher": scores(text),
            "fasttext": sum(token[0].isalnum() for token in tokenize(text)),
            "word_punct": len(raw),
            "word_punct_letters": sum(regex.search("[a-zA-Z]", word) is not None for word in raw),
            "alphabetic": sum(ALPHA.search(word) is not None for word in text.split()),
        }
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
