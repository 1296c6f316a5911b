"""A web server on loopback that serves files and lies about them as it is told."""

import http.server
import threading


class Web:
    """files: {path: bytes or function(handler)}; requests: [(path, Range or None)]."""

    def __init__(self):
        self.files, self.requests = {}, []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                web.requests.append((self.path, self.headers.get("Range")))
                what = web.files.get(self.path)
                if what is None:
                    self.send_error(404)
                elif callable(what):
                    what(self)
                else:
                    self.give(what)

            def give(self, data, status=200, **headers):
                """The bytes, or those of the range that is asked for."""
                begin = self.headers.get("Range")
                if begin and status == 200:
                    start = int(begin.removeprefix("bytes=").rstrip("-"))
                    if start >= len(data):
                        return self.send_error(416)
                    headers = {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}",
                               **headers}
                    status, data = 206, data[start:]
                self.send_response(status)
                for name, value in {"Content_Length": str(len(data)), **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
