"""Small shared pieces of the window: theme, buttons, swatches, notices. None knows a session."""
