"""What the outputs of InsightFace's networks that look at a face mean, as metadata of a blob
(docs/blob.md): their files do not say it, python-package/insightface/model_zoo/ does."""

from dataclasses import dataclass

# attribute.py and landmark.py cut a square 1.5 times the box's longer side out around its middle.
LOOSE_CROP = {"crop": "box", "margin": 0.25}


@dataclass
class Points:
    """Points of a vector: `count` of them, from value `at` on, `dims` values each."""

    count: int
    at: int
    dims: int
    # Which are the nose's tip, the chin, the outer corners of the left and the right eye and the
    # corners of the mouth, left and right as seen.
    pose: tuple


# By the length of the vector. 2d106det: the order of alignment/coordinate_reg's picture
# 2d106markup.jpg. 1k3d68: 1103 points, of which the last 68 are iBUG's.
POINTS = {212: Points(106, 0, 2, (86, 0, 35, 93, 52, 61)),
          3309: Points(68, 3 * (1103 - 68), 3, (30, 8, 36, 45, 48, 54))}


def landmark_attributes(output, points):
    """landmark.py: coordinates are -1 to 1 across the crop."""
    name = f"landmarks_{points.count}"
    return [{"name": name, "kind": "points", "output": output, "at": points.at,
             "count": points.count * points.dims, "dims": points.dims, "scale": 0.5, "shift": 0.5},
            {"name": "pose", "kind": "angles", "points": name, "pose_points": list(points.pose)}]


def gender_age(output):
    """attribute.py: two logits, female and male, and the age in centuries."""
    return [{"name": "age", "kind": "value", "unit": "years", "low": 0, "high": 100,
             "output": output, "at": 2, "scale": 100},
            {"name": "gender", "kind": "distribution", "labels": ["female", "male"],
             "output": output, "count": 2, "decode": "softmax"}]
