# Shows: what @env leaves in the bundle.
# 2026-11-21, written before the translator was read.
import os
from pathlib import Path

import pandas as pd
from scorer_service import Scorer
from sklearn.dummy import DummyClassifier

frame = pd.DataFrame({"a": [1, 2, 3, 4]})
service = Scorer()
service.pack("model", DummyClassifier(strategy="prior").fit(frame, [0, 1, 1, 1]))
os.makedirs("out", exist_ok=True)
service.save_to_dir("out")

bundle = Path("out")
print("base image", "FROM python:3.11-slim" in (bundle / "Dockerfile").read_text())
print("conda", "libgomp" in (bundle / "environment.yml").read_text())
print("setup", (bundle / "setup.sh").exists())
packages = (bundle / "requirements.txt").read_text()
print("packages", [name for name in ("joblib", "threadpoolctl>=2") if name in packages])
print("version", service.version.startswith("2.5."))
