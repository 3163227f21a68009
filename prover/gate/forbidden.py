"""What the text of a found proof may not contain, as data, each with its reason; looked for before Lean reads it.

This keeps a proof from running code while it is elaborated. Whether it proves anything is judged afterwards, on the
environment that it leaves (`judge.lean`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from q35prover.gate.tokens import tokens

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
_SIMPLE_PART = re.compile(r"«([^»]*)»|([^.«»]+)")


def forbidden_word(text: str) -> str | None:
    """The first thing in the text of a proof that no proof may contain, as it is written there; none if all is well.

    `reason` tells why it may not. Words in comments, in strings and inside longer names do not count.
    """
    option = False
    for kind, token, _ in tokens(text):
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
