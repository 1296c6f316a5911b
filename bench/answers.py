"""What the services must answer: the command line's own results, and what counts as agreement.

mien's server runs the same code as its command, so it may differ by rounding alone: a batch of other
pictures around one must change nothing. The rival decodes and scales with other libraries; its faces
have to lie where ours do and its first class has to be ours.
"""
import http.client
import json
import subprocess
import urllib.parse

from networks import reference

BOUNDARY = "mien-bench-boundary"
PIXELS, SCORE = 0.05, 0.002  # mien: the server's numbers are rounded, no more
RIVAL_PIXELS, RIVAL_SIDE, RIVAL_SCORE = 2.0, 0.03, 0.1  # pixels, or a part of the face's side
CLOSE_CALL = 0.05  # two best classes nearer than this may change places in a rival
SURE = 0.6  # faces below this score may fall under the rival's threshold of 0.5, and reverse


def body_of(field, paths):
    """A multipart body, and its content type."""
    parts = []
    for path in paths:
        head = 'Content-Disposition: form-data; name="%s"; filename="picture.jpg"' % field
        with open(path, "rb") as file:
            parts.append(
                b"--%s\r\n%s\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n"
                % (BOUNDARY.encode(), head.encode(), file.read())
            )
    body = b"".join(parts) + b"--%s--\r\n" % BOUNDARY.encode()
    return body, "multipart/form-data; boundary=" + BOUNDARY


class Client:
    """One connection, kept open."""

    def __init__(self, url, timeout=120):
        self.connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(url).netloc, timeout=timeout
        )

    def post(self, path, body, kind):
        """(status, bytes of the answer); a broken connection is status 0, and the next post opens
        another."""
        try:
            self.connection.request("POST", path, body, {"Content-Type": kind})
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return 0, str(error).encode()

    def close(self):
        self.connection.close()


def expected(path, pictures, precision):
    """The CLI's results for /predict or /detect_faces_from_files/: {picture: object}."""
    command = ["analyze", "--age-gender", "none", "--top", "3"] if path == "/predict" else ["detect"]
    command += ["--search", "fast"]
    done = subprocess.run(
        [reference.tool("mien", "MIEN_TOOL"), *command, "--precision", precision, *pictures],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return dict(zip(pictures, map(json.loads, done.stdout.splitlines())))


def plain(path, answer):
    """An answer's faces [(box, score, landmarks)] and classes [(label, score)]; of the first
    picture."""
    if path == "/predict":
        results = answer["results"]
        faces = results["face_analysis"]["details"]
        if results["face_analysis"]["num_faces"] != len(faces):
            raise ValueError("num_faces is not the number of faces")
        classes = [(c["class"], c["confidence"] / 100) for c in results["classification"]]
        return [(f["bbox"], f["confidence"], f["landmark"]) for f in faces], classes
    (result,) = answer["result"]
    if result["faces_count"] != len(result["faces"]):
        raise ValueError("faces_count is not the number of faces")
    return [
        (f["bounding_box"], f["confidence"], [m["position"] for m in f["landmarks"]])
        for f in result["faces"]
    ], []


def overlap(a, b):
    """Intersection over union."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def face_differs(ours, face, exact):
    """Whether a face of an answer is not the CLI's."""
    box, score, landmarks = face
    side = max(ours["box"][2] - ours["box"][0], ours["box"][3] - ours["box"][1])
    pixels = PIXELS if exact else max(RIVAL_PIXELS, RIVAL_SIDE * side)
    pairs = [*zip(box, ours["box"])]
    for theirs, mark in zip(landmarks, ours["landmarks"]):
        pairs += zip(theirs, mark)
    far = len(landmarks) != 5 or any(abs(a - b) > pixels for a, b in pairs)
    return far or abs(score - ours["score"]) > (SCORE if exact else RIVAL_SCORE)


def differs(path, text, ours, exact):
    """What is wrong with an answer (bytes) beside the CLI's result, as a phrase; None: nothing."""
    try:
        faces, classes = plain(path, json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        return "not the agreed shape: %s" % error
    left = list(faces)
    for face in ours["faces"]:
        near = max(left, key=lambda f: overlap(f[0], face["box"]), default=None)
        if near is None or face_differs(face, near, exact):
            if exact or face["score"] >= SURE:
                return "the face at %s is not there" % face["box"]
        else:
            left.remove(near)
    if any(exact or score >= SURE for _, score, _ in left):
        return "a face at %s that is none" % left[0][0]
    if path == "/predict":
        return classes_differ(classes, ours["classes"], exact)
    return None


def classes_differ(classes, ours, exact):
    wanted = [(c["label"], c["score"]) for c in ours]
    if len(classes) != len(wanted):
        return "%d classes instead of %d" % (len(classes), len(wanted))
    if exact:
        scores = {label: score for label, score in classes}
        good = all(abs(scores.get(label, -1) - score) <= SCORE for label, score in wanted)
        return None if good else "classes %s instead of %s" % (classes, wanted)
    close = wanted[0][1] - wanted[1][1] < CLOSE_CALL
    allowed = [label for label, _ in wanted[: 2 if close else 1]]
    return None if classes[0][0] in allowed else "class %s, not %s" % (classes[0][0], wanted[0][0])
