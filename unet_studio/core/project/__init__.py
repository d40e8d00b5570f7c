"""The project on disk: its store and migrations, its write lock, the journal that writes it, hold-out and active
model. What edits mean belongs to `labels`; nothing here reads pixels.
"""
