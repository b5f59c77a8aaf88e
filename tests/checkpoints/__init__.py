"""Tests of harness.checkpoints."""
