"""`extract` in whole runs: pages that take too long are quarantined, with or without workers, and can be traced."""

import pytest
from typer.testing import CliRunner

from datacurate.api import run_stage
from datacurate.cli import app
from datacurate.stages.extract import Extract
from tests.contract import exam

SLOW = b"<p>" + b"A word or two, and more. <b>x</b> " * 700_000
"""24 MB: a tenth of a second and more for any engine; the others take a hundredth of that."""
PAGES = 30


def pages(folder):
    """Three archives; one page of each is slow."""
    folder.mkdir()
    for shard in range(3):
        html = [b"<p>Page %d.%d says a little.</p>" % (shard, at) for at in range(PAGES)]
        html[4 + shard] = SLOW
        made = b"".join(record(f"00000000-0000-4000-8000-{shard:06d}{at:06d}", page) for at, page in enumerate(html))
        (folder / f"part-{shard}.warc").write_bytes(made)
    return folder


def record(name, html):
    """A response of a web archive."""
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{name}>\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
        f"WARC-Target-URI: https://a.example/{name}\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


@pytest.mark.parametrize("workers", [0, 2])
def test_slow_pages_are_quarantined_and_the_rest_goes_on(tmp_path, workers):
    inline = tmp_path / "inline.yaml"
    inline.write_text("executor: inline\n")
    out = tmp_path / "out"
    stage = Extract(page_seconds=0.05)
    where = None if workers else inline
    finished = run_stage(stage, [pages(tmp_path / "in")], out, profile=where, workers=workers or None)
    kept = exam.rows(out)
    assert kept.num_rows == 3 * (PAGES - 1)
    slow = [f"00000000-0000-4000-8000-{shard:06d}{4 + shard:06d}" for shard in range(3)]
    assert not set(slow) & set(kept["id"].to_pylist())
    assert exam.books(finished)
    traced = CliRunner().invoke(app, ["trace", str(out), slow[1]])
    assert traced.exit_code == 0 and "timeout" in traced.output and "0.05" in traced.output
