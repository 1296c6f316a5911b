"""A server from its start to its end, of which anything may go wrong on the way."""
import http.client
import re
import socket
import time

from calls import HANGS

LOST = 0.2  # seconds after which a line of the log that is not there is taken for lost


def reserve_port():
    """A socket whose port nobody else is given, on which a server may listen nevertheless."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


class Life:
    """What a server answers while it lives: {what: (status, body)}. It has been started, and is a
    thing with has_ended(), said() and signal(). What it says may be lost, so it is asked, too."""

    def __init__(self, server, port):
        self.server, self.port = server, port
        self.answers = {}

    def wait_for(self, line, is_so):
        """Waits for the line, or for what it tells; False where the server ends before."""
        lost = time.monotonic() + LOST
        while not self.server.has_ended():
            if re.search(line, self.server.said()[1]):
                return True
            if time.monotonic() > lost and is_so():
                return True
            time.sleep(0.001)
        return False

    def wait_until_ready(self):
        return self.wait_for(b"ready after", lambda: self.send("GET", "/ready")[0] == 200)

    def send(self, method, path, body=None, headers=None):
        """(status, body); (None, b"") where a connection is given up without an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANGS)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (http.client.HTTPException, ConnectionError):
            return None, b""
        finally:
            connection.close()

    def ask(self, what, method, path, body=None, headers=None):
        self.answers[what] = self.send(method, path, body, headers)
