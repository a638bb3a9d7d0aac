"""BentoML's configuration, of its versions 0, 1 and 2, in the options of Ekiben's services."""
