"""``kubebridge send-test``: whether a sink takes what is sent to it."""

from typing import Annotated, Any

import typer

from bridge.cli.client import DEFAULT_URL, Api, TokenFile, Url
from bridge.cli.deliveries import attempts_table
from bridge.cli.output import FAILED, Output, show


def send_test(
    sink: Annotated[str, typer.Argument(help="Name of the sink.")],
    timeout: Annotated[
        float,
        typer.Option(min=0, max=50, help="Seconds to wait for the attempt."),
    ] = 30.0,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    output: Output = None,
) -> None:
    """Send one synthetic event to a sink, and say what became of it.

    A sink that is resting, paused or circuit-open is tried at once; one that an
    operator has stopped is left alone.
    """
    body = {"timeoutSeconds": timeout}
    answer = Api(url, token_file).post("sinks", sink, "test", body=body)
    show(answer, _described, output=output)
    if answer.get("outcome") != "delivered":
        raise typer.Exit(FAILED)


def _described(answer: dict[str, Any]) -> str:
    said = {
        "delivered": "delivered",
        "waiting": "not tried in time, and taken back",
        "held": "not sent" if not answer["id"] else "not tried, and taken back",
    }.get(answer["outcome"], "not delivered, and taken back")
    lines = [f"{answer['id'] or 'test'} to {answer['sink']}: {said}"]
    if answer["reason"]:
        lines.append(f"the sink is held back: {answer['reason']}")
    if answer["outcome"] == "held":
        lines.append(_advice(answer))
    if answer["tries"]:
        lines.append(attempts_table(answer["tries"]))
    return "\n".join(lines)


def _advice(answer: dict[str, Any]) -> str:
    sink = answer["sink"]
    if not answer["id"]:
        return f"to try it: kubebridge sinks resume {sink}"
    return (
        "what waits longest was tried just now, and failed: "
        f"kubebridge deliveries list --sink {sink} --state waiting"
    )
