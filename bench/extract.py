"""Speed of extraction: `blocks`, with and without the sandbox, against resiliparse and trafilatura, in one run.

    python bench/extract.py [--pages N]

CPU seconds of this process and of the children it waits for, the best of three (of one for trafilatura), over pages of
web_pages from the data folder beside the checkout, and of the sample where that is not there. All engines get the same
decoded strings, so that decoding, which is the same for all, hides no difference.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from datacurate.sources.warc import Warc
from datacurate.stages._charset import decoded
from datacurate.stages.extract import Extract

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data" / "web_pages" / "web_a.warc.gz"


def pages(most: int) -> list[tuple[bytes, str]]:
    """Pages as bytes and as strings."""
    path = SHARED if SHARED.exists() else next((ROOT / "sample").glob("*.warc.gz"))
    batches = (batch.docs for batch in Warc(path=str(path)).read(path, "pages"))
    rows = [row for docs in batches for row in docs.select(["html", "charset"]).to_pylist() if row["html"]]
    return [(row["html"], decoded(row["html"], row["charset"])) for row in rows[:most]]


def best(work: Callable[[], object], times: int = 3) -> float:
    """CPU seconds."""
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def staged(engine: str, found: list[tuple[bytes, str]], times: int = 3) -> float:
    """CPU seconds of the stage on UTF-8 pages, those of its child included."""
    docs = pa.table(
        {"id": [str(at) for at in range(len(found))], "html": [page.encode("utf-8", "replace") for _, page in found]}
    )
    docs = docs.append_column("charset", pa.array(["utf-8"] * len(found)))
    stage = Extract(engine=engine)
    stage.warm()
    return min(_with_child(stage, docs) for _ in range(times))


def _with_child(stage: Extract, docs: pa.Table) -> float:
    from datacurate.stages._sandbox import sandbox

    child = sandbox().child
    before = time.process_time() + _cpu(child.process.pid)
    stage.extracted(docs)
    return time.process_time() + _cpu(child.process.pid) - before


def _cpu(process: int) -> float:
    """CPU seconds of a process that runs."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    """Measure and print."""
    import trafilatura
    from resiliparse.extract.html2text import extract_plain_text

    from datacurate.stages._blocks import extract, parsed, warm

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=10_000)
    found = pages(parser.parse_args().pages)
    size = sum(len(html) for html, _ in found) / 1e6
    warm()
    seconds = {
        "resiliparse": best(lambda: [extract_plain_text(page, main_content=True) for _, page in found]),
        "blocks": best(lambda: [extract(parsed(page)) for _, page in found]),
        "trafilatura": best(lambda: [trafilatura.extract(page) for _, page in found], 1),
        "stage, resiliparse": staged("resiliparse", found),
        "stage, blocks": staged("blocks", found),
    }
    speed = {name: size / cpu for name, cpu in seconds.items()}
    for name, value in speed.items():
        print(f"{name:20} {value:7.1f} MB/s")
    ratios = {
        "blocks / resiliparse": speed["blocks"] / speed["resiliparse"],
        "blocks / trafilatura": speed["blocks"] / speed["trafilatura"],
        "stage blocks / resiliparse alone": speed["stage, blocks"] / speed["resiliparse"],
        "stage blocks / stage resiliparse": speed["stage, blocks"] / speed["stage, resiliparse"],
    }
    print(json.dumps({"pages": len(found), "megabytes": round(size, 1), **{k: round(v, 2) for k, v in ratios.items()}}))


if __name__ == "__main__":
    main()
