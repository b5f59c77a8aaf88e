"""Two sets of records: what moved between them, and whether that is more than noise. Imports no torch."""
