"""What led to a server that teams shared bundles by; each of its names says what to use."""
