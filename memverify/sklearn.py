"""A scikit-learn classifier whose training accuracy is certified."""
