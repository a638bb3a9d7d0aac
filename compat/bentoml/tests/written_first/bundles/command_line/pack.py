# Shows: two versions of one service.
# 2026-11-21, written before the translator was read.
import pandas as pd
from forecast import Forecast
from sklearn.linear_model import LinearRegression

days = pd.DataFrame({"day": [0, 1, 2, 3]})
for version, slope in (("first", 1.0), ("second", 2.0)):
    service = Forecast()
    service.pack("model", LinearRegression().fit(days, days["day"] * slope))
    service.save(version=version, labels={"slope": str(slope)})
