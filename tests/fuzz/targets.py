"""All parts that take input from strangers."""

from tests.fuzz.campaign import Target
from tests.fuzz.target_answers import AnswersTarget
from tests.fuzz.target_api import ApiTarget
from tests.fuzz.target_config import ConfigTarget
from tests.fuzz.target_templates import TemplatesTarget
from tests.fuzz.target_watch import WatchTarget

TARGETS: tuple[Target, ...] = (
    ApiTarget(),
    ConfigTarget(),
    AnswersTarget("llhttp"),
    AnswersTarget("aiohttp"),
    WatchTarget(),
    TemplatesTarget(),
)
