"""Label selectors and what they select, for our own and for a real API server."""

OBJECTS = {
    "bare": {},
    "red": {"color": "red", "size": "big"},
    "blue": {"color": "blue", "example.com/team": "a"},
    "green": {"color": "green", "size": ""},
    "odd": {"in": "notin", "notin": "1", "example.com/team": "b"},
}
"""Labels by the name of an object."""

EVERYTHING = set(OBJECTS)

SELECTORS = {
    "": EVERYTHING,
    " \t": EVERYTHING,
    "color=red": {"red"},
    "color==red": {"red"},
    " color  =\tred ": {"red"},
    "color!=red": {"bare", "blue", "green", "odd"},
    "color in (red, blue)": {"red", "blue"},
    "color in(red)": {"red"},
    "color notin (red,blue)": {"bare", "green", "odd"},
    "color notin (red , red)": {"bare", "blue", "green", "odd"},
    "color": {"red", "blue", "green"},
    "!color": {"bare", "odd"},
    "! color": {"bare", "odd"},
    "size=": {"green"},
    "size!=": {"bare", "red", "blue", "odd"},
    "size=,color": {"green"},
    "size in (,)": {"green"},
    "size in ()": {"green"},
    "size in (big,,huge)": {"red", "green"},
    "size in (big,)": {"red", "green"},
    "size in (,big)": {"red", "green"},
    "size notin (,big)": {"bare", "blue", "odd"},
    "color in (red,green),size": {"red", "green"},
    "color, !size": {"blue"},
    "color=red,color=blue": set(),
    "color=red,color=red": {"red"},
    "example.com/team=a": {"blue"},
    "example.com/team in (a,b),!color": {"odd"},
    "example.com/other notin (a)": EVERYTHING,
    "in in (notin)": {"odd"},
    "in": {"odd"},
    "notin notin (1)": {"bare", "red", "blue", "green"},
    "!in,color notin (in)": {"bare", "red", "blue", "green"},
    "color=Red": set(),
}
"""Names of the objects that each selects."""

BROKEN = {
    "a b c": "expected =, ==, !=, in, notin, ',' or the end after 'a', got 'b'",
    "a in b": "expected '(' before values, got 'b'",
    "a in": "expected '(' before values, got the end",
    "a in (b": "expected ',' or ')' after a value, got the end",
    "a in (b c)": "expected ',' or ')' after a value, got 'c'",
    "a=b c": "expected ',' or the end, got 'c'",
    "a=b,": "expected the key of a label",
    ",a": "got ','",
    "!": "got the end",
    "!a=b": "expected ',' or the end, got '='",
    "!!a": "got '!'",
    "a=!b": "expected the value of a label",
    "a===b": "got '='",
    "=b": "got '='",
    "(a)": "got '('",
    "a)": "after 'a', got ')'",
    "-a": "got '-a'",
    "a/b/c=d": "got 'a/b/c'",
    "A/b": "got 'A/b'",
    "a=-b": "got '-b'",
    f"a={'b' * 64}": "at most 63 letters",
    f"{'a' * 64}=b": "at most 63 letters",
    "a=b&c": "got 'b&c'",
    "a IN (b)": "got 'IN'",
}
"""What is no selector, and a part of the complaint."""
