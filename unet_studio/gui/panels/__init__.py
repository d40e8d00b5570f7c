"""The panels at the right and the dialogs: they show state and emit intentions, and decide nothing."""
