"""A web server on this machine: files of a folder, with or without ranges and times, and a log of what was asked."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


@dataclass
class Loopback:
    """How the server behaves, and what it was asked."""

    folder: Path
    ranges: bool = True
    etag: bool = True
    size: bool = True
    """Whether answers tell how long they are."""
    folders: dict[str, bytes] = field(default_factory=dict)
    """Pages of links, by path."""
    fail: int = 0
    """So many GET requests are answered with status 503."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and Range header."""
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour: Loopback

    def log_message(self, *args: object) -> None:
        """Nothing: tests have other output."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        said = self.behaviour
        asked = self.headers.get("Range", "")
        said.asked.append((self.command, self.path, asked))
        file = said.folder / unquote(self.path.partition("?")[0]).lstrip("/")
        if body and said.fail:
            said.fail -= 1
            return self._send(503, b"busy", {}, body)
        if (page := said.folders.get(self.path.partition("?")[0])) is not None:
            return self._send(200, page, {"Content-Type": "text/html"}, body)
        if not file.is_file():
            return self._send(404, b"", {}, body)
        data = file.read_bytes()
        headers = {"ETag": f'"{len(data)}-{hash(data)}"'} if said.etag else {}
        headers |= {"Accept-Ranges": "bytes"} if said.ranges else {}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked) if said.ranges else None
        if not found:
            return self._send(200, data, headers, body)
        start, end = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
        if start >= len(data):
            return self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"}, body)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        return self._send(206, data[start : end + 1], headers, body)

    def _send(self, status: int, data: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        told = {"Content-Length": str(len(data))} if self.behaviour.size else {"Connection": "close"}
        for name, value in (headers | told).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Loopback]:
    """A running server over a folder."""
    behaviour = Loopback(folder)
    handler = type("Handler", (_Handler,), {"behaviour": behaviour})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    behaviour.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield behaviour
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
