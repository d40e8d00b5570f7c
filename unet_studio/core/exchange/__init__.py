"""Formats in and out: masks that other programs wrote, and files that other programs read. No dialog."""
