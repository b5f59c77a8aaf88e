"""Kind ``probe``: what a small classifier reads from the states of a frozen checkpoint."""
