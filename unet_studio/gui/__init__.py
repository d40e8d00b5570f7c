"""The window (PySide6); it never imports Keras."""
