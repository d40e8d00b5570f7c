"""Long work that goes on while one paints (propose, retrain, tune, export), and the worker process; no widget lives
here.
"""
