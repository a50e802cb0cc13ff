"""The handwritten digits bundled with scikit-learn: 1,797 images of 8 x 8 pixels."""

from __future__ import annotations

import numpy as np

from ..errors import DataUnavailableError
from .named import ClassArrays

PIXEL_MAXIMUM = 16


def load_digits() -> ClassArrays:
    """Return all images with integer pixels 0..16 and the scale 1/16.

    Returns
    -------
    ClassArrays
        1,797 points of 64 features, in the order of scikit-learn.

    Raises
    ------
    DataUnavailableError
        If scikit-learn cannot be imported, or its data has changed.
    """
    try:
        # Imported here: it takes a second, which other data sets need not pay.
        from sklearn import datasets
    except ImportError as error:
        raise DataUnavailableError(
            f"digits: scikit-learn cannot be imported ({error}); install it"
        ) from None
    pixels, classes = datasets.load_digits(return_X_y=True)
    integers = pixels.astype(np.uint8)
    if (
        pixels.shape != (1797, 64)
        or not np.array_equal(integers, pixels)
        or integers.max() != PIXEL_MAXIMUM
    ):
        raise DataUnavailableError("digits: the data of this scikit-learn is not the one expected")
    return ClassArrays(integers, classes.astype(np.int64), f"1/{PIXEL_MAXIMUM}")
