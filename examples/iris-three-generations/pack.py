"""Pack the classifier into the service of 0.13, and save both."""

from service_0_13 import IrisClassifier
from train import classifier

bundle = IrisClassifier()
bundle.pack("model", classifier)
bundle.save()
print(bundle.tag)
