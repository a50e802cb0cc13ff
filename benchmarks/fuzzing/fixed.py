"""What the fuzz runs found and was mended; tests/memverify/interchange/test_hostile_files.py has it."""

FIXED: dict[str, tuple[str, ...]] = {
    "onnx": (
        "missing inputs and attributes of a wrong type raised Python's own errors, in twelve places",
        "a tensor stored in segments raised ValueError",
        "an external file's name that is no UTF-8 text raised TypeError",
        "a zero byte in an external file's name raised ValueError",
        "an operator's name with a line break gave a message of two lines",
        "so did an attribute's text",
        "a scalar bias of Gemm raised AttributeError",
        "a bias of Gemm with one number a sample was read as one number a unit",
        "a vector of PRelu slopes on images was read as one slope a channel; ONNX means the last axis",
        "Dropout in training mode was read as the identity",
    ),
    "pt2": (
        "a window of a pooling that lies in the padding alone was accepted",
        "a part's name of thousands of characters was repeated in full",
    ),
    "pt": ("an architecture's name of 5,000 characters was repeated in full",),
    "safetensors": ("an architecture that asks for a tensor of a long name was answered with all of it",),
    "json.gz network": ("a file of 200 bytes with a wide sparse layer took gigabytes as a tensor network",),
    "check": ("lists of long numbers in a certificate raised ValueError",),
    "tensor_checker": ("integers of over 4,300 digits raised ValueError in a message",),
    "npz": ("an archive's damaged name was repeated in full",),
    "distribution": (
        "numbers of thousands of digits were repeated in full, of a ball",
        "numbers of thousands of digits were repeated in full, of a box",
    ),
}
