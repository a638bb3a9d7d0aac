"""The store of bentos in BentoML's home."""

from bentoml.front import entered
from ekiben import bentos as ekiben_bentos

__all__ = ["Bento", "build", "delete", "export_bento", "get", "import_bento", "list", "pull", "push"]

Bento = ekiben_bentos.Bento
build = entered(ekiben_bentos.build)
delete = entered(ekiben_bentos.delete)
export_bento = entered(ekiben_bentos.export_bento)
get = entered(ekiben_bentos.get)
import_bento = entered(ekiben_bentos.import_bento)
list = entered(ekiben_bentos.list)
pull = entered(ekiben_bentos.pull)
push = entered(ekiben_bentos.push)
