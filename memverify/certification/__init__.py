"""Certificates: made from exact evaluation, checked by an independent program."""
