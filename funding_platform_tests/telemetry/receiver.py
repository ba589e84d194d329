"""A receiver of webhooks over a real socket, which verifies what it gets and may refuse it."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whsec_" + base64.b64encode(b"canary-of-the-webhook-secret").decode()


class Receiver:
    """What came in.

    Attributes
    ----------
    posts
        Every message, those that came twice twice.
    status
        What is answered.
    """

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}/canary-of-the-path"
        self.posts: list[dict[str, Any]] = []
        self.status = 204

    @property
    def events(self) -> list[tuple[str, str]]:
        """Event and subject of every message, those with an id that was there before left out."""
        once = {post["id"]: post for post in self.posts}
        return [(post["event"], post["subject"]) for post in once.values()]


@contextmanager
def running_receiver(secret: str = SECRET) -> Iterator[Receiver]:
    """Run one for the block; an unsigned message is answered 401 and not counted."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            genuine = verified(secret, dict(self.headers.items()), body)
            if genuine and receiver.status < 300:
                receiver.posts.append(json.loads(body))
            self.send_response(receiver.status if genuine else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield receiver
        server.shutdown()


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Verify by the letter of the specification, without the code that signs."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(headers["webhook-signature"], f"v1,{expected}")
