"""Labels and the edits that change them; nothing else may change a label."""
