import pytest

# Failures inside the helpers that tests share show their values, as in test files.
pytest.register_assert_rewrite(
    "tests.memverify.certification.verdict",
    "tests.memverify.evaluation.routes",
)
