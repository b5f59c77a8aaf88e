"""A small Hub on loopback, and what it serves."""
