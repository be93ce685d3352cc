"""Trains, exports and scores Peregrine models; the reference implementation."""
