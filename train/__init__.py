"""Recordings to trained runs: the LSTM feature-imitating network and its head."""
