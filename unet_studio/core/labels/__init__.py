"""Labels and the edits that change them; nothing else may change a label. No files and no proposals."""
