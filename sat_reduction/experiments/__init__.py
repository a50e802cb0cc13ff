"""Experiments with D(phi): each writes its numbers first and a picture after."""
