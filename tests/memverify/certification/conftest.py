import copy

import pytest

from .naive_checker import XOR_DATA, XOR_NETWORK, naive_certificate


@pytest.fixture
def xor():
    return (
        copy.deepcopy(naive_certificate(XOR_NETWORK, XOR_DATA)),
        copy.deepcopy(XOR_NETWORK),
        list(XOR_DATA),
    )
