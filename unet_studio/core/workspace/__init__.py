"""An open folder as the window works with it: labels in memory, history, and what is not on the disk yet."""
