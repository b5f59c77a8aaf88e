"""What of a model is pruned at a sparsity, for the maker ``prune`` and for fine-tuning that prunes half way."""
