"""Makers turn a corpus or a checkpoint into a family; one file each."""
