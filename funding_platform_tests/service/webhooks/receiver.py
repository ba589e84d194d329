"""A receiver of webhooks on a real socket, which may refuse, redirect, or keep one waiting."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from funding_platform_tests.waiting import PATIENCE_SECONDS


@dataclass
class Post:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """What came in; ``answers`` is held back while a test wants it to be."""

    url: str
    posts: list[Post] = field(default_factory=list)
    status: int = 204
    location: str | None = None
    answers: threading.Event = field(default_factory=threading.Event)
    at_once: int = 0
    most_at_once: int = 0

    @property
    def events(self) -> list[tuple[str, str]]:
        """Event and subject of each message, those that came twice once."""
        once = {post.headers["webhook-id"]: post.told for post in self.posts}
        return [(told["event"], told["subject"]) for told in once.values()]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run one for as long as the context lasts.

    Parameters
    ----------
    tls
        With which it proves who it is; it speaks plainly where left out.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.at_once += 1
            receiver.most_at_once = max(receiver.most_at_once, receiver.at_once)
            body = self.rfile.read(int(self.headers["content-length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            receiver.posts.append(Post(self.path, named, body))
            receiver.answers.wait(PATIENCE_SECONDS)
            receiver.at_once -= 1
            try:
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("location", receiver.location)
                self.end_headers()
            except BrokenPipeError:
                self.close_connection = True  # whoever asked was killed meanwhile

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        scheme = "http" if tls is None else "https"
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver = Receiver(f"{scheme}://127.0.0.1:{server.server_address[1]}/canary-of-the-path")
        receiver.answers.set()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield receiver
        receiver.answers.set()
        server.shutdown()
