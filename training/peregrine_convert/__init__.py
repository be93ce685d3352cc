"""Turns checkpoints that are PyTorch pickles into Peregrine model directories."""
