"""One model library a file, all with the same verbs."""
