"""The picture the golden outputs were made with: a drawn face, by integer arithmetic only.

Goldens must not contain anybody's photograph, and must not depend on a decoder or on a version of a
random generator. The face is near enough to a real one for the detectors to find it and for the
other networks to have something to say.
"""
import numpy as np


def ellipse(x, y, cx, cy, rx, ry):
    """Whether each pixel is inside; all arguments are integers."""
    return ((x - cx) * ry) ** 2 + ((y - cy) * rx) ** 2 <= (rx * ry) ** 2


def face(width, height):
    """[height][width][3] uint8: a face of two thirds of the short side, in the middle."""
    # Positions in 64ths of a pixel: the products of ellipse() fit 64 bits up to some 1000 pixels.
    y, x = np.mgrid[:height, :width].astype(np.int64) * 64
    cx, cy, r = width * 32, height * 32, min(width, height) * 64 // 3
    image = np.empty((height, width, 3), np.int64)
    image[..., 0] = 60 + 90 * y // (64 * height)
    image[..., 1] = 90 + 70 * x // (64 * width)
    image[..., 2] = 140 - 60 * y // (64 * height)

    def paint(inside, colour):
        image[inside] = colour

    paint(ellipse(x, y, cx, cy + 3 * r // 2, 3 * r // 2, r // 2 + r // 4), (40, 50, 90))
    paint(ellipse(x, y, cx, cy - r // 8, 9 * r // 10, 11 * r // 10), (60, 40, 30))
    inside = ellipse(x, y, cx, cy, 3 * r // 4, r)
    paint(inside, (224, 172, 140))
    image[inside, :] -= ((np.abs(x - cx + r // 4) * 45 // r)[inside])[:, None]
    paint(ellipse(x, y, cx, cy - 4 * r // 5, 7 * r // 10, r // 4), (60, 40, 30))
    for side in (-1, 1):
        eye = cx + side * 3 * r // 10
        paint(ellipse(x, y, eye, cy - 2 * r // 5, r // 5, r // 24), (50, 35, 25))
        paint(ellipse(x, y, eye, cy - r // 5, r // 6, r // 12), (245, 245, 240))
        paint(ellipse(x, y, eye, cy - r // 5, r // 13, r // 13), (70, 50, 40))
        paint(ellipse(x, y, eye, cy - r // 5, r // 26, r // 26), (10, 10, 10))
        paint(ellipse(x, y, cx + side * r // 10, cy + r // 5, r // 18, r // 24), (120, 70, 60))
    paint(ellipse(x, y, cx, cy + r // 20, r // 24, r // 5), (235, 190, 160))
    paint(ellipse(x, y, cx, cy + r // 2, 3 * r // 10, r // 11), (170, 70, 75))
    paint(ellipse(x, y, cx, cy + r // 2, r // 4, r // 40), (110, 40, 45))
    # Grain, so that no two neighbouring pixels are alike: a linear congruence of the position.
    grain = (x // 64 * 7919 + y // 64 * 104729 + (x // 64) * (y // 64) * 31) % 11 - 5
    return np.clip(image + grain[..., None], 0, 255).astype(np.uint8)
