"""Proposals and the masks that they become under labels; nothing here changes a label."""
