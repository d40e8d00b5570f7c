"""The slide with its mask on the screen, and the pointer over it. What a press means is a tool's, what is open is the
session's.
"""
