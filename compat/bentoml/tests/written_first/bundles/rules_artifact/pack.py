# Shows: save_to_dir, and what of the artifact and its packages lies in the bundle.
# 2026-11-21, written before the translator was read.
import os

from tagger import Tagger

service = Tagger()
service.pack("rules", {"rose": "flower", "oak": "tree", "tulip": "flower"})
os.mkdir("bundle")
service.save_to_dir("bundle", version="7")

files = sorted(name for _, _, names in os.walk("bundle") for name in names)
print("files", "rules.rules" in files, "rules.py" in files, "tagger.py" in files, "bentoml.yml" in files)
print("set by the artifact", "rapidfuzz==2.0.0" in open("bundle/requirements.txt").read())
print("set by the service", "pyyaml" in open("bundle/requirements.txt").read())
os.mkdir("elsewhere")
