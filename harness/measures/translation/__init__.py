"""Kind ``translation`` and its parts: decoding, metrics, languages."""
