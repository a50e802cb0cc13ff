"""Exact outputs by several engines behind one interface, and float outputs by torch."""
