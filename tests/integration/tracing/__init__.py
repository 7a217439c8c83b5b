"""Traces through whole systems."""

import pytest

pytest.register_assert_rewrite("tests.integration.tracing.conventions")
