"""Services of BentoML 1.0 to 1.3: objects with functions, and their runners."""
