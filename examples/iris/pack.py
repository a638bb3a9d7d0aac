import ekiben

bento = ekiben.build("service:Iris", version="v1")
print(repr(bento), bento.digest)
for model in bento.info.models:
    print(model.tag, model.digest)

place = ekiben.bentos.export_bento("iris:v1", "out/")
with ekiben.bentos.use_home("out/home"):
    ekiben.bentos.import_bento(place, skip_existing=True)
    ekiben.bentos.verify("iris:v1")
