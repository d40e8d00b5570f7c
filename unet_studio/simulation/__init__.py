"""The simulated annotator, and the measurement of how good proposals get for a person's minutes.

`loop` runs one simulation of the frozen types in `runs`: an `annotator` works through the slides of `truth`, and a
`learner` trains on what it labelled. `strokes` and `painting` plan and paint corrections, also for the demo. The
network is reached through an engine; nothing here imports the window.
"""
