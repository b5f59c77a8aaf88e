"""Records to and from the formats of others, one a file; imports no torch."""
