"""Two mask sources of the open plane compared, by swipe or side by side: layers over the canvas."""
