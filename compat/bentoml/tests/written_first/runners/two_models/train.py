# Shows: a model with custom objects, and one of another library.
# 2026-11-21, written before the translator was read.
import bentoml
import numpy as np
import xgboost as xgb
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

texts = ["win money now", "win a prize", "cheap money", "meet me at noon", "lunch at noon", "see you at lunch"]
vectorizer = CountVectorizer().fit(texts)
spam = LogisticRegression().fit(vectorizer.transform(texts).toarray(), [1, 1, 1, 0, 0, 0])
bentoml.sklearn.save_model(
    "spam",
    spam,
    signatures={"predict_proba": {"batchable": True}, "predict": {"batchable": True}},
    custom_objects={"vectorizer": vectorizer},
)

length = np.arange(40, dtype=np.float32).reshape(-1, 1)
trees = xgb.train({"max_depth": 2, "nthread": 1}, xgb.DMatrix(length, (length[:, 0] > 20).astype(np.float32)), 20)
bentoml.xgboost.save_model("too_long", trees, signatures={"predict": {"batchable": True}})
