"""What the tools and commands compute: regions of pixels, and the repaints that become edits. No pointer, no window."""
