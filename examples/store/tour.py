"""A tour of the store of models; each part stands in docs/store.md. Run it in an empty folder."""

# [save]
import ekiben

with ekiben.models.create("tokens", labels={"team": "nlp"}, metadata={"words": 2}) as model:
    (model.path / "vocabulary.txt").write_text("hello\nworld\n")

print(model.tag)  # tokens:gs7zdsmvusbwti4s
# [find]
model = ekiben.models.get("tokens")  # the newest; "tokens:latest" is the same
print(model.path_of("vocabulary.txt").read_text())
print(model.info.metadata, model.labels, model.creation_time, model.size)

for model in ekiben.models.list(labels={"team": "nlp"}):  # newest first
    print(model.tag)

# [objects]


def shout(text: str) -> str:
    return text.upper()


with ekiben.models.create("shouting", custom_objects={"shout": shout}) as model:
    pass

print(ekiben.models.get("shouting").custom_objects["shout"]("hello"))

# [carry]
path = ekiben.models.export_model("tokens:latest", "model/tokens.bentomodel")

with ekiben.models.use_home("elsewhere"):
    model = ekiben.models.import_model(path)
    ekiben.models.import_model(path, skip_existing=True)  # the same again is no error here

# [verify]
manifest = ekiben.models.verify("tokens")
print(manifest.digest, manifest.size, sorted(manifest.files))

# [delete]
ekiben.models.delete("tokens:latest")
ekiben.models.delete("shouting", all=True)
# [end]
