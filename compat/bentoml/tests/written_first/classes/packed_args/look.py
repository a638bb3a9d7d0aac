# Shows: what lies in a bento. 2026-11-21, written before the translator was read.
import bentoml

bento = bentoml.get("greeter:one")
source = sorted(str(path.relative_to(bento.path_of("src"))) for path in __import__("pathlib").Path(bento.path_of("src")).rglob("*"))
print("texts/dot.txt" in source, "secret.env" in source, "look.py" in source)
labels = bento.info.labels
print(labels.get("project"), labels.get("release"))
