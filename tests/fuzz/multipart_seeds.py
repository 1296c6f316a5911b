"""Writes the corpus multipart_fuzz starts from: forms as clients write them, and ways to miss it.

usage: multipart_seeds.py FOLDER
"""
import sys
from pathlib import Path

TYPE = b"multipart/form-data; boundary="
HEAD = b"Content-Disposition: form-data; "
FORMS = [
    (b"B", b"--B\r\n" + HEAD + b'name="a"\r\n\r\n1\r\n--B\r\n' + HEAD
     + b'name="f"; filename="x.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n\r\n--B--\r\n'),
    (b"B", b"--B\r\n" + HEAD + b"name*=utf-8''f%69le\r\n\r\nx\r\n--B--"),
    (b"B; charset=utf-8", b"--B\r\n" + HEAD + b"name=f; filename=a; filename*=utf-8''a\r\n\r\nx\r\n"
     b"--B--"),
    (b'"a b"', b"preamble\r\n--a b \t\r\n" + HEAD + b"name=f\r\n\r\n\r\n--a\r\n--a b--\r\nafter"),
    (b"B", b"--B\n" + HEAD + b"name=f\n\nx\r\n--BB\n\n--B--\n"),
    (b"-", b"---\r\n" + HEAD + b"\r\n name=\"f\\\"\"\r\n\r\n-----"),
    (b"B", b"--B\r\nContent-Disposition:form-data;name=f\r\nContent-Transfer-Encoding: base64\r\n"
     b"\r\nx\r\n--B--"),
    (b"B", b"--B\r\nContent-Type: multipart/mixed; boundary=C\r\n" + HEAD + b"name=f\r\n\r\n"),
    (b"B", b"--B\r\n\r\nno name\r\n--B--"), (b"B", b"--B--"), (b"B; boundary=C", b""), (b"", b"")]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for i, (boundary, body) in enumerate(FORMS):
        (folder / f"seed{i:02}").write_bytes(TYPE + boundary + b"\n" + body)


if __name__ == "__main__":
    main()
