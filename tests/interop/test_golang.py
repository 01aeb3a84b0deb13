"""An independent receiver, the CloudEvents SDK for Go, takes what we send.

Skipped with a reason where Go or the module cannot be had.
"""

import pytest

from bridge.errors import PermanentSinkError
from tests.interop import samples
from tests.interop.golang import assert_same
from tests.interop.test_javascript import told

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_receiver_takes_all_we_send(go_receiver, make_sink, mode):
    """Over HTTP, by either engine: nothing is refused, and all is there."""
    sink = make_sink(go_receiver, mode)

    for event in samples.encoded().values():
        await sink.send([event])

    taken = await told(go_receiver)
    for event, found in zip(samples.events().values(), taken, strict=True):
        assert_same(event, found, is_encoded=mode == "binary")


async def test_receiver_refuses_a_batch(go_receiver, make_sink):
    """The SDK has none, so it is nothing to turn on for such a sink."""
    sink = make_sink(go_receiver, "batch")
    one = samples.encoded()["ours: gap"]

    with pytest.raises(PermanentSinkError, match="answered 400"):
        await sink.send([one, one])
