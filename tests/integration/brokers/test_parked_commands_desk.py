"""What operators do about lanes that were parked of commands that came over a real broker."""

from __future__ import annotations

import pytest

from tests.integration.brokers.parking import channel, connect
from tests.integration.test_parked_commands import later, mend
from tests.integration.test_parked_commands_desk import (
    test_a_rehearsal_shows_what_the_lane_would_come_to_and_does_nothing,
    test_a_release_tells_what_came_of_it,
    test_all_that_wait_can_be_left_out,
    test_what_is_left_out_has_failed_and_the_rest_goes_on,
)

__all__ = [
    "channel",
    "connect",
    "later",
    "mend",
    "test_a_rehearsal_shows_what_the_lane_would_come_to_and_does_nothing",
    "test_a_release_tells_what_came_of_it",
    "test_all_that_wait_can_be_left_out",
    "test_what_is_left_out_has_failed_and_the_rest_goes_on",
]
pytestmark = pytest.mark.parametrize("stores", ["postgres"], indirect=True)
