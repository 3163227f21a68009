"""A theorem's statement laid out as Lean prints a goal, so that what is learned from proofs' text serves on goals."""

from __future__ import annotations

_CLOSING = {"(": ")", "{": "}", "[": "]", "⦃": "⦄"}


def as_goal(statement: str) -> str:
    """`(x y : T) [C T] (h : P x) : Q y` as its binders, one a line, and `⊢ Q y`; a statement of another form as it is.

    An instance without a name is called `inst✝`, as Lean does.
    """
    lines = []
    rest = statement.strip()
    while rest and rest[0] in _CLOSING:
        end = _closing(rest)
        if end is None:
            return statement
        binder = " ".join(rest[1:end].split())
        named = rest[0] != "[" or " : " in binder
        lines.append(binder if named else f"inst✝ : {binder}")
        rest = rest[end + 1 :].lstrip()
    if not rest.startswith(":"):
        return statement
    return "\n".join([*lines, f"⊢ {rest[1:].strip()}"])


def _closing(text: str) -> int | None:
    """Where the bracket that `text` begins with is closed."""
    open_brackets: list[str] = []
    for place, character in enumerate(text):
        if character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return place
    return None
