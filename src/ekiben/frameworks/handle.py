"""Load a stored model with the framework that saved it.

In: a stored model. Out: the live object.
The framework is looked up in the table of those we know; the module that `model.yaml` names is never imported as such,
since anyone may have written that file.
"""

from typing import Any

from ekiben.core.errors import NotFound
from ekiben.frameworks.base import check_options
from ekiben.frameworks.table import framework
from ekiben.store.models import StoredModel


class Model(StoredModel):
    """A stored model that can be loaded and exported."""

    __slots__ = ()

    def load_model(self, **options: Any) -> Any:
        """Load the model with the framework that saved it.

        Args:
            options: the framework's own, as its `load_model` takes them.

        Raises:
            NotFound: it was saved without a framework, or by one that we do not know.
            ConfigError: the framework has no such option.
            MissingLibrary: the framework's library is not installed.
        """
        if not self.info.module:
            raise NotFound(f"{self.tag} was saved without a framework", hint=f"read its files in {self.path}")
        verbs = framework(self.info.module)
        check_options(verbs.load, verbs.NAME, options)
        return verbs.load(self.path, self.info, **options)
