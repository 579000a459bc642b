"""Pages as strings: which encoding their bytes are in."""

from __future__ import annotations

BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def decoded(html: bytes, charset: str | None) -> str:
    """The page as a string."""
    from resiliparse.parse import encoding as guess

    marked = next((name for mark, name in BOMS if html.startswith(mark)), None)
    named = guess.map_encoding_to_html5(charset, fallback_utf8=False) if charset else None
    chosen = marked or named or guess.detect_encoding(html, from_html_meta=True)
    return guess.bytes_to_str(html, chosen, errors="replace", fallback_encodings=("utf-8", "windows-1252"))  # type: ignore[arg-type]
