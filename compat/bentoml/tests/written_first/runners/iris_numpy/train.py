# Shows: save_model with signatures, labels and metadata.
# 2026-11-21, written before the translator was read.
import bentoml
from sklearn import datasets, svm

iris = datasets.load_iris()
clf = svm.SVC(gamma="scale")
clf.fit(iris.data, iris.target)

saved_model = bentoml.sklearn.save_model(
    "iris_clf",
    clf,
    signatures={"predict": {"batchable": True, "batch_dim": 0}},
    labels={"owner": "nlp_team", "stage": "prod"},
    metadata={"dataset_version": "20210820", "kernel": "rbf"},
)
print(f"Model saved: {saved_model}")
print(f"{saved_model.tag.name} {saved_model.info.metadata['kernel']} {saved_model.info.labels['stage']}")
