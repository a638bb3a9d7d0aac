# Shows: a scikit-learn pipeline packed as a pickle; the chained form of pack.
# 2026-11-21, written before the translator was read.
from review_service import ReviewClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

texts = ["good food", "very good service", "good and cheap", "bad food", "very bad service", "bad and dear"]
labels = ["happy", "happy", "happy", "angry", "angry", "angry"]

pipeline = make_pipeline(CountVectorizer(), LogisticRegression())
pipeline.fit(texts, labels)

saved_path = ReviewClassifier().pack("pipeline", pipeline).save()
print("saved to", saved_path)
