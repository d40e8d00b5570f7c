"""Use cases: what people ask of the program, as plain functions with frozen results: propose, retrain, adopt, clean,
tune, export, evaluate, and which plane to label next.

Window, commands, demo and simulation all call these. No Qt, no terminal. `propose` and `retrain` need Keras, so they
are reached through the worker's jobs, and no other module here may import `unet`.
"""
