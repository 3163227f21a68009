"""What the text of a found proof may not contain, as data, each with its reason; looked for before Lean reads it.

This keeps a proof from running code while it is elaborated. Whether it proves anything is judged afterwards, on the
environment that it leaves (`judge.lean`). So the reading here errs on the side of refusal: where Lean's own lexer
might see a word that this one takes for a comment, the text is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NO_PROOF = "leaves the goal unproved"
_COMPILER = "trusts the compiler, not the kernel"
_CODE = "runs code while the proof is checked"
_MEMORY = "lets code run that does not mean what it says"
_FILE = "reads a file"
_COMMAND = "is a command: a proof is a term or tactics"

WORDS = {
    **dict.fromkeys(("sorry", "sorryAx"), _NO_PROOF),
    **dict.fromkeys(("native_decide", "bv_decide", "bv_decide?", "bv_check"), _COMPILER),
    **dict.fromkeys(("ofReduceBool", "ofReduceNat", "reduceBool", "reduceNat", "trustCompiler"), _COMPILER),
    **dict.fromkeys(("run_tac", "run_meta", "run_elab", "run_cmd", "by_elab", "evalExpr", "Elab", "IO"), _CODE),
    **dict.fromkeys(("elab", "elab_rules", "macro", "macro_rules", "simproc", "dsimproc", "initialize"), _CODE),
    **dict.fromkeys(("unsafe", "unsafeCast", "unsafeIO", "unsafeBaseIO", "unsafeEIO", "ptrAddrUnsafe"), _MEMORY),
    **dict.fromkeys(("implemented_by", "extern", "csimp", "lcProof", "lcUnreachable", "lcAny"), _MEMORY),
    "include_str": _FILE,
}
"""Refused wherever they stand, also as a part of a dotted name and in «»."""

WHOLE_WORDS = {
    **dict.fromkeys(("admit", "stop"), _NO_PROOF),
    "native": _COMPILER,
    **dict.fromkeys((
        "abbrev", "attribute", "axiom", "builtin_initialize", "class", "declare_syntax_cat", "def", "deriving", "end",
        "example", "export", "import", "inductive", "infix", "infixl", "infixr", "instance", "lemma", "mutual",
        "namespace", "noncomputable", "notation", "opaque", "partial", "postfix", "prefix", "private", "protected",
        "register_option", "register_simp_attr", "section", "structure", "syntax", "theorem", "universe", "variable",
    ), _COMMAND),
}  # fmt: skip
"""Refused as words of their own: `Range.stop` is a name like others."""

OPTIONS = ("maxHeartbeats", "maxRecDepth", "synthInstance.maxHeartbeats", "synthInstance.maxSize", "linter.unused")
"""What `set_option … in` may set, by the beginning of its name. No other option is needed in a proof."""

_ATTRIBUTE = "sets an attribute, which outlives the proof"
_HASH_COMMANDS = ("#check", "#eval", "#exit", "#guard", "#print", "#reduce", "#synth", "#where")

# Only letters that Lean knows as such: λ, Π and Σ are symbols, and what is no letter here ends a word.
_LETTER = "A-Za-z_\u0391-\u039f\u03a1\u03a2\u03a4-\u03a9\u03b1-\u03ba\u03bc-\u03c9\u2100-\u214f"
_PART = rf"(?:«[^»]*»|[{_LETTER}][{_LETTER}0-9'!?\u2080-\u2089]*)"
_TOKEN = re.compile(
    rf"""
    (?P<comment> --[^\n]* | /- )
  | (?P<raw> r(?P<fence>\#*)"(?s:.*?)"(?P=fence) )
  | (?P<string> "(?s:\\.|[^"\\])*" )
  | (?P<char> '(?:\\(?:x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|.)|[^\\'])' )
  | (?P<number> 0[xX][0-9a-fA-F_]+ | 0[bB][01_]+ | 0[oO][0-7_]+ | [0-9][0-9_]*(?:[eE][0-9]+)? )
  | (?P<name> {_PART}(?:\.{_PART})* )
  | (?P<hash> \#[A-Za-z_]+ )
  | (?P<attribute> @\s*\[ )
  | (?P<end> -/ )
  | (?P<space> \s+ )
  | (?P<symbol> . )
    """,
    re.VERBOSE,
)
_COMMENT_EDGE = re.compile(r"/-|-/")
_BEFORE_COMMENT = set(")]},;")
_SIMPLE_PART = re.compile(r"«([^»]*)»|([^.«»]+)")


def forbidden_word(text: str) -> str | None:
    """The first thing in the text of a proof that no proof may contain, as it is written there; none if all is well.

    `reason` tells why it may not. Words in comments, in strings and inside longer names do not count.
    """
    option = False
    for kind, token in _tokens(text):
        if kind == "name" and option:
            if not token.startswith(OPTIONS):
                return f"set_option {token}"
            option = False
        elif kind == "name":
            option = token == "set_option"
            if token in WHOLE_WORDS:
                return token
            if found := next((part for part in _parts(token) if part in WORDS), None):
                return found
        elif kind == "string" and "{" in token and (found := forbidden_word(token[1:-1])):
            return found  # what stands in the braces of an interpolated string is a term
        elif kind in ("hash", "attribute", "refused"):
            return token
    return "set_option" if option else None


def reason(word: str) -> str:
    """Why `forbidden_word` gave this word."""
    if word.startswith("#"):
        return _COMMAND
    if word.startswith("@"):
        return _ATTRIBUTE
    if word.startswith("set_option"):
        return "sets an option that no proof needs"
    return WORDS.get(word) or WHOLE_WORDS.get(word) or "is not clearly a comment or a string"


def _parts(name: str) -> Iterator[str]:
    """The parts of a dotted name, without the marks «»."""
    for match in _SIMPLE_PART.finditer(name):
        yield match[1] or match[2] or ""


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each token, comments and white space aside; `refused` for what Lean may read otherwise."""
    position, before = 0, "space"
    while match := _TOKEN.match(text, position):
        kind, token = str(match.lastgroup), match.group()
        position = match.end()
        if kind == "comment":
            # Glued to a symbol it may be none: `<--x` is `<-` and `-x`, and `//-` is `//` and `-`.
            if before == "symbol":
                kind = "refused"
            elif token == "/-":
                end = _comment_end(text, match.start())
                position, kind = (match.end(), "refused") if end is None else (end, "space")
            else:
                kind = "space"
        elif kind == "end" or (kind == "symbol" and token in "\"«'"):
            kind = "refused"
        elif kind == "hash" and not token.startswith(_HASH_COMMANDS) and before in ("name", "number", "closing"):
            kind = "symbol"  # the width of a bit vector, as in 5#w
        if kind != "space":
            yield kind, token
        before = "closing" if kind == "symbol" and token in _BEFORE_COMMENT else kind


def _comment_end(text: str, start: int) -> int | None:
    """Position after the block comment that opens at `start`, or none if it stays open; block comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/-" else -1
        if depth == 0:
            return edge.end()
    return None
