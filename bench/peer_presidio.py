"""Presidio's pattern recognisers, with an NLP engine that only cuts words. Runs in presidio's environment.

`python bench/peer_presidio.py FILE`: JSON lines of texts in; out come seconds of CPU and the spans of every text, in
characters, under our names of kinds. All predefined recognisers of English count, at presidio's own scores.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

KINDS = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IBAN_CODE": "iban", "IP_ADDRESS": "ip",
    "US_SSN": "national_id", "US_ITIN": "national_id", "UK_NHS": "national_id", "UK_NINO": "national_id",
    "US_PASSPORT": "passport",
}  # fmt: skip


class Words(SpacyNlpEngine):
    """English words by spaCy's rules, without a model."""

    def __init__(self) -> None:
        super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
        self.nlp = {"en": spacy.blank("en")}

    def load(self) -> None:
        """Nothing to load."""


def main() -> None:
    """Measure and print."""
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tldextract.extract = tldextract.tldextract.TLD_EXTRACTOR
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=Words(), supported_languages=["en"])
    texts = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    analyzer.analyze("warm 1.2.3.4", language="en")
    start = time.process_time()
    found = [analyzer.analyze(text, language="en") for text in texts]
    seconds = time.process_time() - start
    spans = [[(KINDS[s.entity_type], s.start, s.end) for s in one if s.entity_type in KINDS] for one in found]
    print(json.dumps({"seconds": seconds, "version": version("presidio-analyzer"), "spans": spans}))


if __name__ == "__main__":
    main()
