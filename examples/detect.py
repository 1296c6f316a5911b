#!/usr/bin/env python3
"""Finds the faces of a picture, or of raw RGB bytes. usage: detect.py PICTURE | RAW WIDTH HEIGHT"""
import ctypes as c
import sys

mien = c.CDLL("libmien.so.0")
mien.mien_error.restype = c.c_char_p


class Face(c.Structure):
    _fields_ = [("box", c.c_float * 4), ("score", c.c_float), ("landmarks", c.c_float * 2 * 5)]


def call(name, *arguments):
    if getattr(mien, name)(*arguments):
        sys.exit(mien.mien_error().decode())


if len(sys.argv) not in (2, 4):
    print("usage: detect.py PICTURE | RAW WIDTH HEIGHT", file=sys.stderr)
    sys.exit(2)
ctx, net, image = c.c_void_p(), c.c_void_p(), c.c_void_p()
faces, n = (Face * 64)(), c.c_int()
if len(sys.argv) == 2:
    call("mien_image_load", None, sys.argv[1].encode(), None, c.byref(image))
else:
    MIEN_RGB, (width, height) = 0, map(int, sys.argv[2:])
    with open(sys.argv[1], "rb") as file:
        pixels = file.read(3 * width * height)  # are not copied: they outlive the image
    assert len(pixels) == 3 * width * height, "too few bytes"
    call("mien_image_from", pixels, MIEN_RGB, width, height, c.c_ssize_t(0), c.byref(image))
call("mien_open", None, c.byref(ctx))
call("mien_net_load", ctx, b"retinaface-mnet025-v2", c.byref(net))
call("mien_detect", net, c.byref(image), 1, None, len(faces), faces, c.byref(n))
for face in faces[:n.value]:
    print("%.1f %.1f %.1f %.1f  %.3f" % (*face.box, face.score))
mien.mien_image_free(image)
mien.mien_net_free(net)
mien.mien_close(ctx)
