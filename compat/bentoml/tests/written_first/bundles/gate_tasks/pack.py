# Shows: y = 2 x + 1, learnt.
# 2026-11-21, written before the translator was read.
from gate_service import Gate
from sklearn.linear_model import LinearRegression

gate = Gate()
gate.pack("line", LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]))
gate.save()
