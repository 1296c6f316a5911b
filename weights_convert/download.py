"""A file by its URL: over https, and only as the file whose sum is known. What has been received
before a connection ends is kept and asked for no second time (Range); where a server fails, the next
mirror is asked. Servers are not trusted: with where a redirect leads, with how long they say a file
is, or with what is in it."""

import hashlib
import http.client
import ipaddress
import os
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from .errors import ConvertError

ATTEMPTS = 3  # at each mirror
PAUSE = 2  # seconds before the second attempt
SILENCE = 60  # seconds a server may say nothing
MOST_BYTES = 4 << 30  # of a file whose length nobody has told
_BLOCK = 1 << 18


class _Failed(Exception):
    """An attempt: another mirror may do better, and where `again`, the same one later."""

    def __init__(self, text, again=True):
        super().__init__(text)
        self.again = again


def check_url(url):
    """ConvertError unless it is https; http is for a server on this machine alone."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ConvertError(f"{url} is no URL") from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        raise ConvertError(f"{url} is no https:// URL")


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = 8

    def http_error_302(self, req, fp, code, msg, headers):
        to = headers.get("Location") or headers.get("URI") or ""
        try:
            check_url(urllib.parse.urljoin(req.full_url, to))
        except (ConvertError, ValueError):
            raise _Failed(f"it leads to {to}, which is no https:// URL", again=False) from None
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener(url):
    """Knows http and https alone; a proxy of the environment is not asked for this machine."""
    host = urllib.parse.urlsplit(url).hostname or ""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler({} if _is_loopback(host) else None),
                    urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(), _Redirects(),
                    urllib.request.HTTPErrorProcessor(), urllib.request.HTTPDefaultErrorHandler()):
        opener.add_handler(handler)
    return opener


def download(urls, target, sha256=None, size=None):
    """Makes `target` the file of one of the mirrors and returns its sum; where a sum is told, the
    file is the one that has it. What is in target + ".part" is not asked for again."""
    part, complaints = target + ".part", []
    for url in urls:
        check_url(url)
    for url in urls:
        for attempt in range(ATTEMPTS):
            try:
                _receive(url, part, size)
                found = _sum(part)
                if sha256 and found != sha256:
                    os.unlink(part)
                    raise _Failed(f"what came has the sum {found}, not {sha256}")
                os.replace(part, target)
                return found
            except _Failed as error:
                complaints.append(f"{url}: {error}")
                if not error.again:
                    break
            if attempt + 1 < ATTEMPTS:
                time.sleep(PAUSE * (attempt + 1))
    raise ConvertError(f"{complaints[-1]} (tried {len(complaints)} times)")


def _sum(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _receive(url, part, size):
    """Completes the file `part`. _Failed leaves what has come in it."""
    have = os.path.getsize(part) if os.path.exists(part) else 0
    if size and have == size:
        return
    if size and have > size:
        have = 0
    headers = {"User-Agent": "mien", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with _opener(url).open(urllib.request.Request(url, headers=headers),
                               timeout=SILENCE) as answer:
            have, total = _extent(answer, have)
            if size and total not in (None, size):
                raise _Failed(f"it is of {total} bytes, {size} are expected", again=False)
            _copy(answer, part, have, total or size)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the part is no beginning of this file
            os.unlink(part)
        raise _Failed(f"the server answers {error.code} {error.reason}",
                      again=error.code >= 500 or error.code in (408, 416, 429)) from None
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "filename", None):
            raise  # not the network: the disk
        reason = getattr(error, "reason", None) or error
        raise _Failed(f"{str(reason) or type(error).__name__}") from None


def _extent(answer, have):
    """(bytes of the part that stay, bytes of the whole file or None)"""
    length = answer.headers.get("Content-Length", "")
    length = int(length) if length.isdecimal() else None
    if answer.status != 206:
        return 0, length
    first, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    if first.partition("-")[0] != str(have):
        raise _Failed("the server gives another part than the one it was asked for")
    return have, int(total) if total.isdecimal() else None


def _copy(answer, part, have, total):
    """Appends the answer to the first `have` bytes of the part."""
    most = total or MOST_BYTES
    free = shutil.disk_usage(os.path.dirname(part)).free
    if most - have > free and total:
        raise ConvertError(f"{part}: {most - have >> 20} MB are missing, {free >> 20} MB are free")
    bar = Progress(total)
    with open(part, "ab") as file:
        file.truncate(have)
        while have <= most:
            try:
                block = answer.read1(min(_BLOCK, most + 1 - have))
            except http.client.IncompleteRead as error:
                block = error.partial
            if not block:
                break
            file.write(block)
            have += len(block)
            bar.show(have)
    bar.end()
    if have > most:
        os.unlink(part)
        raise _Failed(f"more than {most} bytes came")
    if total and have < total:
        raise _Failed(f"the connection ended after {have} of {total} bytes")


class Progress:
    """A line that is written over, where people look on."""

    def __init__(self, total):
        self.total, self.begin, self.shown = total, time.monotonic(), 0
        self.on = sys.stderr.isatty()
        self.first = None  # bytes that were there before

    def show(self, have):
        now = time.monotonic()
        if self.first is None:
            self.first = have
        if not self.on or now - self.shown < 0.2:
            return
        self.shown = now
        rate = (have - self.first) / max(now - self.begin, 1e-3) / 1e6
        if self.total:
            done = 24 * have // self.total
            text = f"[{'#' * done}{'.' * (24 - done)}] {100 * have // self.total} % of " \
                   f"{self.total / 1e6:.1f} MB"
        else:
            text = f"{have / 1e6:.1f} MB"
        print(f"\r  {text}, {rate:.1f} MB/s   ", end="", file=sys.stderr, flush=True)

    def end(self):
        if self.on and self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
