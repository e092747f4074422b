"""The service holds no more items than it may, and says when to come again."""

import pytest

from atlas_rewards.server.http.admission import Admission
from atlas_rewards.server.http.request_error import RequestError


def error_of(admission: Admission, items: int, limit: int) -> RequestError:
    with pytest.raises(RequestError) as caught, admission.take(items, limit):
        pass
    return caught.value


def test_items_are_taken_up_to_the_limit() -> None:
    admission = Admission()
    with admission.take(6, 10), admission.take(4, 10):
        assert admission.waiting == 10
        assert error_of(admission, 1, 10).status == 429
    assert admission.waiting == 0


def test_items_are_given_back_when_scoring_fails() -> None:
    admission = Admission()
    with pytest.raises(ValueError, match="scoring"), admission.take(6, 10):
        raise ValueError("scoring")
    assert admission.waiting == 0


def test_a_request_that_never_fits_is_not_told_to_come_again() -> None:
    error = error_of(Admission(), 11, 10)
    assert (error.status, error.retry_after) == (413, None)


@pytest.mark.parametrize(("seconds", "at_least", "at_most"), [(0.001, 1, 1), (8.0, 7, 8), (900.0, 30, 30)])
def test_the_wait_is_what_requests_took_lately_within_bounds(seconds: float, at_least: int, at_most: int) -> None:
    admission = Admission()
    for _ in range(50):
        admission.answered(seconds)
    assert at_least <= admission.retry_after <= at_most
