"""Use cases: what people ask of the program, as plain functions with frozen results.

Window, commands, demo and simulation all call these. No Qt, no terminal. `propose`, `retrain` and `compare` need Keras,
so they are reached through the worker's jobs, and no other module here may import `unet`.
"""
