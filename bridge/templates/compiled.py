"""Templates and expressions that are ready to run, in MiniJinja.

MiniJinja is written in Rust, reads an event's object without copying it, and stops when
its fuel is used up. All texts of a template are compiled into one, whose values come
back through a function, so that an expression keeps its type and JSON is never pasted
together.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn
from urllib.parse import quote

from bridge.errors import TemplateError
from bridge.templates.syntax import check, check_expression, whole

NAMES: Final = ("event", "object", "previous", "cluster")
"""Names that expressions read: the attributes of the CloudEvent, its data, the object
before the change (null if unknown), the cluster's name."""

FUEL: Final = 100_000
"""Most steps of one render, as MiniJinja counts them."""

LARGEST_BYTES: Final = 4 << 20
"""Most bytes of all texts of one render."""

DEEPEST: Final = 32
"""Most mappings and lists in each other in a template."""


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Omit:
    """The value of ``omit``: a key or an element that is left out."""

    def __repr__(self) -> str:
        return "omit"

    def __str__(self) -> str:
        return ""

    def __bool__(self) -> bool:
        return False


OMIT: Final = _Omit()


class Expression:
    """An expression, as in ``when: object.count > 3``; not for several threads."""

    def __init__(self, text: str) -> None:
        """Compile an expression.

        Raises:
            TemplateError: It is none, or names what does not exist.
        """
        check_expression(text)
        _Compiled([f"{{{{ {text} }}}}"], is_checked=False)
        self._run = _Compiled([_source(0, text, text)])

    def evaluate(self, context: Mapping[str, Any]) -> Any:
        """Return the value, of the types that JSON has; see `context_of`.

        Raises:
            TemplateError: It cannot be computed from this event, or costs too much.
        """
        return self._run(context)[0]


class Template:
    """A tree of texts with expressions; not for several threads."""

    def __init__(self, tree: Any, *, is_path: bool = False) -> None:
        """Compile a tree of mappings, lists and scalars.

        Args:
            tree: Its texts hold the expressions.
            is_path: Its texts are paths of URLs: each expression is a part of a text
                and percent-encoded, slashes too (RFC 3986, 2.1).

        Raises:
            TemplateError: A text of it is no template; the error's `path` leads there.
        """
        self._sources: list[str] = []
        self._paths: list[tuple[str | int, ...]] = []
        self._is_path = is_path
        self._build = self._compile(tree, ())
        self._run = _Compiled(self._sources, finalizer=_encoded if is_path else None)

    @property
    def is_constant(self) -> bool:
        """Whether there is no expression in it."""
        return not self._sources

    def render(self, context: Mapping[str, Any]) -> Any:
        """Return the tree with all expressions computed; see `context_of`.

        Raises:
            TemplateError: One cannot be computed from this event, or costs too much;
                the error's `path` leads to its text.
        """
        if self.is_constant:
            return self._build({})
        try:
            return self._build(self._run(context))
        except TemplateError as error:
            paths = [*self._paths[self._run.count_of_values :], ()]
            raise TemplateError(str(error), path=paths[0]) from None

    def _compile(
        self, node: Any, path: tuple[str | int, ...]
    ) -> Callable[[dict[int, Any]], Any]:
        if len(path) > DEEPEST:
            raise TemplateError(f"expected at most {DEEPEST} levels", path=path)
        if isinstance(node, dict):
            return _mapping(
                {key: self._compile(one, (*path, key)) for key, one in node.items()}
            )
        if isinstance(node, list):
            return _list(
                [self._compile(one, (*path, place)) for place, one in enumerate(node)]
            )
        return self._leaf(node, path) if isinstance(node, str) else lambda _: node

    def _leaf(
        self, text: str, path: tuple[str | int, ...]
    ) -> Callable[[dict[int, Any]], Any]:
        try:
            expression = None if self._is_path else whole(text)
            if expression is None and not check(text) and "{#" not in text:
                return lambda _: text
            place = len(self._sources)
            _Compiled([text], is_checked=False)
        except TemplateError as error:
            raise TemplateError(str(error), path=path) from error
        self._sources.append(_source(place, text, expression))
        self._paths.append(path)
        return lambda values: values[place]


def context_of(
    *,
    event: Mapping[str, Any],
    data: Any,
    previous: Any = None,
    cluster: str | None = None,
) -> dict[str, Any]:
    """Return what expressions read.

    Args:
        event: Attributes of the CloudEvent, extensions among them.
        data: The object, decoded; it is used up.
        previous: The object before the change, decoded; it is used up. None: unknown.
        cluster: The cluster's name.

    Raises:
        TemplateError: An object is nested too deeply.
    """
    try:
        return {
            "event": _closed(dict(event)),
            "object": _closed(data),
            "previous": _closed(previous),
            "cluster": cluster,
            "omit": OMIT,
        }
    except RecursionError:
        raise TemplateError("the object is nested too deeply") from None


class _Values:
    """The values of a run by their places; knows nothing of MiniJinja's environment.

    An environment is not seen by the garbage collector: if what it calls led back to
    it, neither would ever be freed.
    """

    def __init__(self) -> None:
        self.found: dict[int, Any] = {}
        self._size = 0

    def clear(self) -> None:
        """Begin a run."""
        self.found = {}
        self._size = 0

    def put(self, place: int, value: Any = None) -> str:
        """Take a value; called by templates, in the order of places."""
        if isinstance(value, str):
            value = str.__str__(value)  # `tojson` gives a class of its own
        if value.__class__ is str:
            self._size += len(value)
            if self._size > LARGEST_BYTES:
                raise ValueError("too large")
        self.found[place] = None if value.__class__ is _Pairs else value
        return ""


class _Compiled:
    """Sources that are one template of MiniJinja, and the values of a run."""

    def __init__(
        self,
        sources: Iterable[str],
        *,
        finalizer: Callable[[Any], Any] | None = None,
        is_checked: bool = True,
    ) -> None:
        import minijinja  # noqa: PLC0415  # for those only who want it

        self._failure = minijinja.TemplateError
        self._values = _Values()
        self._environment = minijinja.Environment(
            fuel=FUEL,
            undefined_behavior="chainable",
            debug=False,
            pycompat=False,
            keep_trailing_newline=True,
            auto_escape_callback=_never,
            finalizer=finalizer,
        )
        self._environment.add_global("_put", self._values.put)
        self._environment.add_filter("unixms", _unix_milliseconds)
        source = "".join(sources)
        try:
            self._environment.add_template("text", source)
            names = self._environment.undeclared_variables_in_str(source)
        except self._failure as error:
            raise TemplateError(_reason(error)) from None
        unknown = sorted(set(names) - {*NAMES, "omit", "range"})
        if unknown and not is_checked:
            raise TemplateError(
                f"expected one of {', '.join(NAMES)}, got '{unknown[0]}'"
            )

    def __call__(self, context: Mapping[str, Any]) -> dict[int, Any]:
        self._values.clear()
        try:
            self._environment.render_template("text", **context)
        except self._failure as error:
            raise TemplateError(_reason(error)) from None
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise TemplateError(f"{type(error).__name__} in an expression") from None
        return self._values.found

    @property
    def count_of_values(self) -> int:
        """Number of values that the last run computed; a failed one stopped there."""
        return len(self._values.found)


def _source(place: int, text: str, expression: str | None) -> str:
    if expression is not None:
        return f"{{{{ _put({place}, ({expression})) }}}}"
    return f"{{% set _text %}}{text}{{% endset %}}{{{{ _put({place}, _text) }}}}"


def _reason(error: Any) -> str:
    """Return why, without values: the error's own text quotes them in places."""
    kind = str(error.kind)
    known = {"OutOfFuel": "costs more than an expression may"}
    if kind in known:
        return known[kind]
    if kind != "SyntaxError":
        return kind if error.detail is None else f"{kind}: {error.detail}"
    return f"{error.detail} in line {error.line} of the text"


def _encoded(value: Any) -> Any:
    """Return a value as it stands in a path; what is missing is nothing."""
    return quote(value if value.__class__ is str else str(value or ""), safe="")


def _unix_milliseconds(time: Any) -> int | None:
    """Return the milliseconds since 1970 of a time; None: there is no time."""
    if not isinstance(time, str):
        return None
    moment = datetime.fromisoformat(time)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _never(_: str) -> bool:
    return False


def _mapping(
    build: dict[Any, Callable[[dict[int, Any]], Any]],
) -> Callable[[dict[int, Any]], Any]:
    def mapping(values: dict[int, Any]) -> Any:
        made = ((key, one(values)) for key, one in build.items())
        return {key: value for key, value in made if value is not OMIT}

    return mapping


def _list(
    build: list[Callable[[dict[int, Any]], Any]],
) -> Callable[[dict[int, Any]], Any]:
    def array(values: dict[int, Any]) -> Any:
        made = (one(values) for one in build)
        return [value for value in made if value is not OMIT]

    return array


class _Pairs:
    """The items of a mapping, for MiniJinja; nothing to an expression."""

    __slots__ = ("_mapping",)

    def __init__(self, mapping: dict[str, Any]) -> None:
        self._mapping = mapping

    def __call__(self) -> Any:
        return dict.items(self._mapping)

    def __str__(self) -> str:
        return ""

    def __bool__(self) -> bool:
        return False


class _Mapping(dict[str, Any]):
    """An object of JSON that has keys, but no attributes of Python."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name == "items":
            return _Pairs(self)
        return object.__getattribute__(self, name) if _is_protocol(name) else _no(name)


class _Sequence(list[Any]):
    """A list of JSON that has elements, but no attributes of Python."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name) if _is_protocol(name) else _no(name)


def _is_protocol(name: str) -> bool:
    return name[:2] == "__"


def _no(name: str) -> NoReturn:
    raise AttributeError(name)


def _closed(value: Any) -> Any:
    """Return decoded JSON in which no attribute of Python can be reached."""
    if value.__class__ is dict:
        for key, one in value.items():
            if one.__class__ is dict or one.__class__ is list:
                value[key] = _closed(one)
        return _Mapping(value)
    if value.__class__ is list:
        return _Sequence(map(_closed, value))
    return value
