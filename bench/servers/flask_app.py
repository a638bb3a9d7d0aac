"""A small Flask app, served by gunicorn with one process and four threads."""

import json

import model
import numpy as np
from flask import Flask, Response, jsonify, request

predict_rows = model.load()
app = Flask(__name__)


@app.post("/predict")
def predict() -> Response:
    """Predict each row."""
    return jsonify([int(label) for label in predict_rows(request.get_json())])


@app.post("/mean")
def mean() -> Response:
    """Give the mean of an array, as JSON or `.npy`."""
    body = request.get_data()
    return jsonify(
        model.mean_of(np.asarray(json.loads(body), np.float32) if body[:1] == b"[" else model.read_npy(body))
    )


@app.post("/size")
def size() -> Response:
    """Decode a bare JPEG."""
    return jsonify(model.size_of(request.get_data()))


@app.post("/tokens")
def tokens() -> Response:
    """Stream the tokens."""
    return Response(iter(model.TOKENS), mimetype="text/plain")
