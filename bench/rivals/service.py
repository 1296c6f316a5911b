#!/usr/bin/env python3
"""The service somebody would write in Python: FastAPI, uvicorn and torch, with mien's weights.

    python3 bench/rivals/service.py --port 8001 [--workers 2] [--threads 1] [--endpoints async|pool]
                                    [--mode jit|eager] [--precision fp32|bf16]

POST /predict and POST /detect_faces_from_files/ take and give what `mien serve` does. It stands here
to be measured against (bench/serve.py) and is written with care for that: batch norms folded, oneDNN
through torch.jit, JPEGs reduced while they are decoded, uvloop and httptools where they are
installed. What is best on a machine is for the options to say; nothing of mien depends on it.
"""
import argparse
import asyncio
import concurrent.futures
import functools
import json
import os
import sys

import cv2
import torch
import uvicorn
from fastapi import FastAPI, File, HTTPException, UploadFile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nets  # noqa: E402
import pictures  # noqa: E402

SETTINGS = "MIEN_RIVAL_SETTINGS"  # the options, for the worker processes uvicorn starts


class Engine:
    """Both networks, and a picture's way through them."""

    def __init__(self, options):
        torch.set_num_threads(options.threads)
        cv2.setNumThreads(options.threads)
        self.type = torch.bfloat16 if options.precision == "bf16" else torch.float32
        folder = os.path.expanduser(options.weights)
        load = functools.partial(self.load, folder, options)
        self.detector, _ = load("retinaface-mnet025-v2", nets.RetinaFace, (1, 3, 480, 640))
        self.classifier, blob = load("resnet50-imagenet", nets.ResNet50, (1, 3, 224, 224))
        self.labels = blob.json("labels")

    @staticmethod
    def load(folder, options, name, make, shape):
        blob = nets.Blob(os.path.join(folder, name + ".safetensors"))
        sample = torch.zeros(shape).contiguous(memory_format=torch.channels_last)
        return nets.prepare(make(blob), sample, options.mode, options.precision), blob

    def run(self, net, x):
        """x: numpy [1][3][h][w]; returns numpy arrays without the batch's dimension."""
        with torch.inference_mode():
            out = net(torch.from_numpy(x).to(self.type))
        return [o[0].numpy() for o in out] if isinstance(out, tuple) else out[0].numpy()

    def faces(self, image, full):
        x, fitted = pictures.detector_input(image)
        return pictures.faces(self.run(self.detector, x), x.shape[2:], fitted, full)

    def predict(self, data):
        image, full = pictures.decode(data)
        probabilities = self.run(self.classifier, pictures.classifier_input(image))
        return pictures.predict_answer(self.faces(image, full), probabilities, self.labels)

    def detect(self, files):
        answers = []
        for data in files:
            image, full = pictures.decode(data, pictures.SIDE)
            answers.append(pictures.detect_answer(self.faces(image, full)))
        return {"result": answers}


def answer(function, argument):
    try:
        return function(argument)
    except pictures.BadPicture as error:
        raise HTTPException(400, str(error)) from error


def make_app():
    """The application, in a worker process."""
    options = argparse.Namespace(**json.loads(os.environ[SETTINGS]))
    app, engine = FastAPI(), Engine(options)
    # Its own pool, first come first served: the one FastAPI runs `def` endpoints in has 40 threads,
    # and anyio's limiter lets the last who came go first.
    pool = concurrent.futures.ThreadPoolExecutor(
        options.pool, initializer=torch.set_num_threads, initargs=(options.threads,)
    )

    async def compute(function, argument):
        """In the event loop's own thread, which with a worker a core has nothing better to do, or
        in one of the pool."""
        if options.endpoints == "async":
            return answer(function, argument)
        return await asyncio.get_running_loop().run_in_executor(pool, answer, function, argument)

    @app.get("/health")
    def health():
        return {"status": "API is running"}

    @app.post("/predict")
    async def predict(file: UploadFile = File(...)):
        return await compute(engine.predict, await file.read())

    @app.post("/detect_faces_from_files/")
    async def detect(files: list[UploadFile] = File(...)):
        return await compute(engine.detect, [await file.read() for file in files])

    return app


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--workers", type=int, default=2, help="processes [%(default)s]")
    parser.add_argument("--threads", type=int, default=1, help="torch's, a process [%(default)s]")
    parser.add_argument("--endpoints", choices=("async", "pool"), default="async")
    parser.add_argument("--pool", type=int, default=2, help="threads of the pool [%(default)s]")
    parser.add_argument("--mode", choices=("jit", "eager"), default="jit")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    weights = os.environ.get("MIEN_WEIGHTS") or os.path.join(home, "mien")
    parser.add_argument("--weights", default=weights, help="the blobs' folder [%(default)s]")
    return parser.parse_args()


def main():
    options = parse()
    os.environ[SETTINGS] = json.dumps(vars(options))
    uvicorn.run(
        "service:make_app",
        factory=True,
        app_dir=os.path.dirname(os.path.abspath(__file__)),
        port=options.port,
        workers=options.workers,
        # A loop that computes sees a request late; after the usual 5 s it would close instead.
        timeout_keep_alive=120,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()
