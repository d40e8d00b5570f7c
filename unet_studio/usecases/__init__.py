"""What people ask of the program (propose, retrain, adopt, clean, tune, export, evaluate) as plain functions; no Qt."""
