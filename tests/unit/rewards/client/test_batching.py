"""Completions of one prompt go into one request, whatever the sizes."""

from hypothesis import given
from hypothesis import strategies as st

from atlas_rewards import Item
from atlas_rewards.client.batching import Batch, batches, halves, positions


def items(*prompts: str) -> list[Item]:
    return [Item(f"answer {place}", prompt=({"role": "user", "content": text},)) for place, text in enumerate(prompts)]


def sizes(batch: Batch) -> list[int]:
    return [len(group) for group in batch]


def test_a_request_ends_between_prompts() -> None:
    subject = items(*(f"prompt {number // 6}" for number in range(72)))
    assert [sizes(batch) for batch in batches(subject, 64)] == [[6] * 10, [6] * 2]


def test_completions_of_a_prompt_find_each_other_wherever_they_are() -> None:
    assert batches(items("a", "b", "a", "b"), 3) == [[[0, 2]], [[1, 3]]]


def test_a_prompt_with_too_many_completions_has_a_request_of_its_own() -> None:
    assert [sizes(batch) for batch in batches(items("a", "b", "b", "b", "c"), 2)] == [[1], [3], [1]]


def test_another_reference_or_other_principles_are_another_group() -> None:
    subject = [Item("x", reference="1"), Item("y", reference="2"), Item("z", reference="1", principles="be kind")]
    assert batches(subject, 64) == [[[0], [1], [2]]]


def test_halves_end_between_prompts_where_they_can() -> None:
    assert halves([[0, 1], [2, 3], [4, 5]]) == ([[0, 1]], [[2, 3], [4, 5]])
    assert halves([[0, 1, 2], [3]]) == ([[0, 1, 2]], [[3]])
    assert halves([[0], [1, 2, 3]]) == ([[0]], [[1, 2, 3]])
    assert halves([[0, 1, 2]]) == ([[0]], [[1, 2]])


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60), st.integers(1, 20))
def test_every_item_is_in_one_batch_and_no_prompt_in_two(prompts: list[str], most: int) -> None:
    result = batches(items(*prompts), most)
    assert sorted(place for batch in result for place in positions(batch)) == list(range(len(prompts)))
    seen = [{prompts[place] for place in positions(batch)} for batch in result]
    assert sum(map(len, seen)) == len(set(prompts))
    assert all(len(positions(batch)) <= most or len(batch) == 1 for batch in result)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9).filter(lambda counts: sum(counts) > 1))
def test_both_halves_hold_something(counts: list[int]) -> None:
    batch = [list(range(sum(counts[:place]), sum(counts[: place + 1]))) for place in range(len(counts))]
    first, second = halves(batch)
    assert positions(first)
    assert positions(first) + positions(second) == positions(batch)
    assert positions(second)
