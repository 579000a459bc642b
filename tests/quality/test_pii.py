"""Precision and recall of the stage `pii`, beside presidio's, and how often it takes other things for personal data."""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from datacurate.stages.pii import Pii
from tests.quality import pii_gold, pii_noise

ROOT = Path(__file__).resolve().parents[2]
PRESIDIO = Path(os.environ.get("DATACURATE_PRESIDIO", ROOT / ".venv-presidio" / "bin" / "python"))
FLOORS = {
    "email": (0.99, 0.99), "phone": (0.95, 0.95), "card": (0.99, 0.97), "iban": (0.99, 0.99), "ip": (0.99, 0.99),
    "national_id": (0.99, 0.99),
}  # fmt: skip
"""Least precision and recall per kind on presidio's sentences."""
NOISE = {
    "email": 0,
    "key": 0,
    "password": 0,
    "url": 0,
    "iban": 0,
    "card": 5,
    "national_id": 0,
    "passport": 0,
    "ip": 2,
    "phone": 1,
}
"""Most false spans per megabyte of versions, ISBNs, hashes, dates and numbers, each kind of text for itself."""
CODE = {
    "key": 0,
    "password": 0.5,
    "url": 0.5,
    "iban": 0,
    "card": 0,
    "national_id": 0,
    "passport": 0,
    "ip": 1,
    "phone": 0.5,
}
"""Most spans per megabyte of Python's standard library; its emails are its authors'."""


@pytest.fixture(scope="module")
def rows(shared):
    return pii_gold.sentences(shared / "pii")


@pytest.mark.shared
def test_floors(rows):
    scores = pii_gold.score(rows, pii_gold.ours)
    for kind, (precision, recall) in FLOORS.items():
        assert scores[kind]["gold"] >= 9, kind
        assert scores[kind]["precision"] >= precision and scores[kind]["recall"] >= recall, (kind, scores[kind])


@pytest.mark.shared
@pytest.mark.skipif(not PRESIDIO.exists(), reason="presidio is not installed: make .venv-presidio/.ready")
def test_no_worse_than_presidio(rows, tmp_path):
    """Presidio's pattern recognisers on the same sentences, in the same run."""

    def presidio(texts):
        file = tmp_path / "texts.jsonl"
        file.write_text("\n".join(json.dumps(text) for text in texts), encoding="utf-8")
        command = [PRESIDIO, ROOT / "bench" / "peer_presidio.py", file]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(run.stdout.splitlines()[-1])["spans"]

    ours, theirs = pii_gold.score(rows, pii_gold.ours), pii_gold.score(rows, presidio)
    for kind in FLOORS:
        assert ours[kind]["precision"] >= theirs[kind]["precision"], kind
        assert ours[kind]["recall"] >= theirs[kind]["recall"], kind


@pytest.mark.shared
def test_nemo_lists(shared):
    """NeMo Curator's lists: all but addresses of private networks, and numbers that no check lets pass."""
    found, wanted = Counter(), Counter()
    for file, kind in (("emails", "email"), ("phone_numbers", "phone"), ("card_no", "card"), ("ssn", "national_id")):
        for line in (shared / "pii" / "nemo_pii" / f"{file}.txt").read_text(encoding="utf-8").splitlines():
            wanted[kind] += line.count("</")
            spans = pii_gold.ours([line])[0]
            found[kind] += sum(one[0] == kind for one in spans)
    assert found["email"] == wanted["email"] == 3
    assert found["national_id"] == wanted["national_id"] == 2
    assert found["card"] >= 2 and found["phone"] >= 3
    private = (shared / "pii" / "nemo_pii" / "ip_address.txt").read_text(encoding="utf-8")
    assert pii_gold.ours([private]) == [[]]


def per_megabyte(texts: list[str]) -> dict[str, float]:
    """Spans of every kind per million bytes."""
    measured = Pii().measure(pa.array(texts, pa.string()))
    size = sum(len(text.encode()) for text in texts) / 1e6
    return {kind: float(measured[kind].sum()) / size for kind in Pii().kinds}


@pytest.mark.parametrize("name", pii_noise.GENERATORS)
def test_false_spans_in_what_looks_alike(name):
    rates = per_megabyte(pii_noise.megabyte(pii_noise.GENERATORS[name]))
    assert {kind: rate for kind, rate in rates.items() if rate > NOISE[kind]} == {}


def test_false_spans_in_code():
    rates = per_megabyte(list(pii_noise.code()))
    assert {kind: rate for kind, rate in rates.items() if kind != "email" and rate > CODE[kind]} == {}
    assert rates["email"] > 1  # the authors', so the files were read
