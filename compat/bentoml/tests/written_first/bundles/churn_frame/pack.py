# Shows: training, packing and saving in one script, as a nightly job did it.
# 2026-11-21, written before the translator was read.
from pathlib import Path

import pandas as pd
from churn_service import COLUMNS, ChurnModel
from sklearn.tree import DecisionTreeClassifier

customers = pd.DataFrame(
    [[24, 0, 30.0], [36, 1, 25.5], [3, 9, 55.0], [5, 7, 60.0], [12, 2, 40.0], [8, 8, 20.0]], columns=COLUMNS
)
leaves = [0, 0, 1, 1, 0, 1]

if __name__ == "__main__":
    model = DecisionTreeClassifier(random_state=0).fit(customers[COLUMNS], leaves)
    service = ChurnModel()
    service.pack("model", model)
    saved_path = service.save()
    requirements = Path(saved_path, "requirements.txt").read_text().lower()
    print("packages:", [name for name in ("scikit-learn", "pandas") if name in requirements])
    print("saved", service.name, service.version == Path(saved_path).name)
