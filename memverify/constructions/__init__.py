"""Networks that memorize by construction, one file a construction; none certifies itself."""
