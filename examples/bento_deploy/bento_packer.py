"""Train, pack the model with its service, and save both."""

from bento_service import IrisClassifier
from train import clf

iris_classifier_service = IrisClassifier()
iris_classifier_service.pack("model", clf)
saved_path = iris_classifier_service.save()
print(iris_classifier_service.tag)
