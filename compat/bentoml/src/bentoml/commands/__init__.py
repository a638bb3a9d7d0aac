"""Commands that BentoML has, and Ekiben has not or has otherwise; a file a command."""
