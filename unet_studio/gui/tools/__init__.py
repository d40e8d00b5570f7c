"""The tools of the canvas: each takes the pointer, shows what it is about to do, and ends in an edit."""
