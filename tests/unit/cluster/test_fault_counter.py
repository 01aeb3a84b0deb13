"""What a watch says is believed when it is said often enough."""

import pytest

from bridge.cluster.reflector.repair import FaultCounter


@pytest.mark.parametrize(
    ("word", "times"), [("empty", 2), ("expired", 2), ("unreadable", 3)]
)
def test_a_word_is_believed_at_last(word, times):
    """Said of the same version, so often; then the count begins anew."""
    fault_counter = FaultCounter()

    heard = [fault_counter.add(word, version="7") for _ in range(times + 1)]

    assert heard == ["none"] * (times - 1) + [word, "none"]


def test_progress_clears_every_suspicion():
    """What was said of an older version does not count."""
    fault_counter = FaultCounter()
    fault_counter.add("expired", version="7")

    assert fault_counter.add("expired", version="8") == "none"


def test_a_good_end_clears_every_suspicion():
    """The version was watched all the same."""
    fault_counter = FaultCounter()
    fault_counter.add("expired", version="7")

    fault_counter.clear()

    assert fault_counter.add("expired", version="7") == "none"
