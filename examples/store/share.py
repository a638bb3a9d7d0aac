"""Share a model through a registry: python share.py localhost:5000/team."""

import sys

import ekiben

registry = sys.argv[1]

with ekiben.models.create("tokens") as model:
    (model.path / "vocabulary.txt").write_text("hello\nworld\n")

reference = ekiben.models.push("tokens", registry)
print(reference)  # localhost:5000/team/models/tokens:gs7zdsmvusbwti4s@sha256:…

with ekiben.models.use_home("elsewhere"):
    model = ekiben.models.pull("tokens", registry)
    print(model.path_of("vocabulary.txt").read_text())
