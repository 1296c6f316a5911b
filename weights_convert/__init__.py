"""Turns published face and picture networks into mien's weight blobs (docs/blob.md)."""
