"""Pictures for the independent side: decoding by Pillow, geometry in numpy, nothing of vision/.

resize_linear is OpenCV's INTER_LINEAR (half-pixel centres, no antialiasing); similarity is
Umeyama's closed form ("Least-squares estimation of transformation parameters between two point
patterns", 1991); the template is ArcFace's.
"""
import numpy as np
from PIL import Image, ImageOps

ARCFACE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)


def load_rgb(path):
    """[h][w][3] uint8, upright."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def planes(x, channels=3):
    """An RGB batch [n][h][w][3] as [n][channels][h][w]; one channel is BT.601's luma, which OpenCV
    calls gray, not rounded."""
    if channels == 1:
        x = (x.astype(np.float64) @ [[0.299], [0.587], [0.114]]).astype(np.float32)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def resize_linear(image, width, height):
    """[h][w][c] of any type to float32 [height][width][c]."""

    def taps(size, target):
        at = np.clip((np.arange(target) + 0.5) * size / target - 0.5, 0, size - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, size - 1), (at - low).astype(np.float32)

    image = image.astype(np.float32)
    low, high, t = taps(image.shape[0], height)
    image = image[low] * (1 - t)[:, None, None] + image[high] * t[:, None, None]
    low, high, t = taps(image.shape[1], width)
    return image[:, low] * (1 - t)[None, :, None] + image[:, high] * t[None, :, None]


def letterbox(image, side):
    """The picture with its long side scaled to `side`, at the top left of a black square; and the
    scale."""
    scale = side / max(image.shape[:2])
    height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
    out = np.zeros((side, side, 3), np.float32)
    out[:height, :width] = np.rint(resize_linear(image, width, height))
    return out, scale


def pad_to(image, multiple):
    """Black rows and columns at the bottom and right up to a multiple."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, -height % multiple), (0, -width % multiple), (0, 0)))


def similarity(source, target):
    """The 2x3 similarity transform that takes points [n][2] of source closest to target."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = (d * signs).sum() / a.var(0).sum()
    m = scale * rotation
    return np.hstack([m, (target.mean(0) - m @ source.mean(0))[:, None]])


def warp(image, matrix, width, height):
    """Samples the picture bilinearly where `matrix` (2x3, picture to output) puts it; black
    outside. uint8."""
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    xs, ys = np.meshgrid(np.arange(width), np.arange(height))
    x, y = np.tensordot(inverse, np.stack([xs, ys, np.ones_like(xs)]).astype(float), 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    out = np.zeros((height, width, 3))
    for dy in (0, 1):
        for dx in (0, 1):
            px, py = left + dx, top + dy
            inside = (px >= 0) & (py >= 0) & (px < image.shape[1]) & (py < image.shape[0])
            weight = np.abs(1 - dx - (x - left)) * np.abs(1 - dy - (y - top)) * inside
            out += (
                weight[..., None]
                * image[np.clip(py, 0, image.shape[0] - 1), np.clip(px, 0, image.shape[1] - 1)]
            )
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def align(image, landmarks):
    """The 112x112 crop on ArcFace's template."""
    return warp(image, similarity(np.asarray(landmarks, float), ARCFACE), 112, 112)
