"""Places on other machines to which items travel."""
