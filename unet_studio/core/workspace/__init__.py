"""An open folder as the window works with it: labels in memory, history, and what is not on the disk yet. No Qt,
no signals: the window's session wraps it.
"""
