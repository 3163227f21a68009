"""The theorem book: every link leads somewhere, both ways; all text is escaped; nothing is fetched."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from hand_made_proofs import FILE, audited, declared, write_spec

from q35.certify.book import render_book
from q35.lean.sources import Example

VOID = {"meta", "input", "br", "link", "img", "hr"}
NASTY = "<script>alert(1)</script> & \"<b>'"


class Page(HTMLParser):
    """Collects ids and links of a page; an end tag that closes nothing, or the wrong element, is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if given.get("href"):
            self.links.add(unquote(str(given["href"])))
        assert "src" not in given
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The book of a few declarations, one of them with markup in everything that it says."""
    requirement = {
        "theorems": ["Q35.size_pos'", "Q35.absent"],
        "definitions": ["Q35.roundUp"],
        "kernels": ["q35kernels.round_up"],
        "tests": ["conformance/test_made.py::test_round_up"],
    }
    project = write_spec(tmp_path, requirement, {"theorems": ["Q35.nasty"], "claim": NASTY})
    monkeypatch.chdir(project)
    (project / "q35ref").mkdir()
    (project / "q35ref" / "exact.py").write_text("def round_up(x: int) -> int:\n    return x\n")
    example = Example(FILE, 40, f"example : {NASTY}")
    uses = {"statement_uses": ("Q35.roundUp",)}
    return render_book(
        project,
        audited(
            declared("Q35.roundUp", kind="def", doc="Rounds `x` up."),
            declared("Q35.Shape", kind="structure"),
            declared("Q35.Shape.width", kind="field", statement="Q35.Shape → Nat"),
            declared("Q35.size_pos'", **uses, proof_uses=("Q35.lemma",), statement="0 < Q35.roundUp 1"),
            declared("Q35.lemma", **uses, hypotheses=("0 < n",)),
            declared("Q35.nasty", doc=NASTY, statement=NASTY, hypotheses=(NASTY,), examples=(example,)),
            declared("Q35.planted", hypotheses=("False",)),
            declared("Q35.hidden", public=False),
        ),
    )


def entry(book: str, name: str) -> str:
    """The part of the page about one declaration, as plain text."""
    found = re.search(rf'<article class="entry" id="{re.escape(name)}".*?</article>', book, re.DOTALL)
    assert found
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", found[0])).split())


def test_the_page_is_well_formed_and_all_links_lead_somewhere(book: str) -> None:
    page = Page(book)
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert "http://" not in book.replace("http-equiv", "")
    assert "https://" not in book


def test_all_text_is_escaped(book: str) -> None:
    assert NASTY not in book
    assert book.count("<script>") == 1
    assert entry(book, "Q35.nasty").count(NASTY) == 4


def test_links_lead_both_ways(book: str) -> None:
    text = entry(book, "Q35.size_pos&#39;")
    assert "named by Q35-MADE-1" in text
    assert "uses 2 theorems Q35.lemma definitions Q35.roundUp" in text
    assert "kernels q35kernels.round_up" in text
    assert "tested by 1 conformance/test_made.py::test_round_up" in text
    lemma = entry(book, "Q35.lemma")
    assert "serves Q35-MADE-1" in lemma
    assert "used by 1 theorems Q35.size_pos'" in lemma
    definition = entry(book, "Q35.roundUp")
    assert "mirrored by q35ref.exact.round_up" in definition
    assert "used by 2 theorems Q35.lemma , Q35.size_pos'" in definition
    assert "named by CLAIM-1" in entry(book, "Q35.nasty")
    assert '<pre>0 &lt; <a href="#Q35.roundUp">Q35.roundUp</a> 1</pre>' in book


def test_hypotheses_say_where_they_are_met(book: str) -> None:
    assert "Met in the proof of Q35.size_pos' , which supposes nothing" in entry(book, "Q35.lemma")
    assert f"Met by the example at {FILE}:40" in entry(book, "Q35.nasty")
    assert "Nothing shows that this can be met." in entry(book, "Q35.planted")


def test_what_is_not_public_or_missing_is_said(book: str) -> None:
    assert 'id="Q35.hidden"' not in book
    assert 'id="Q35.Shape.width"' not in book
    assert "width Q35.Shape → Nat" in entry(book, "Q35.Shape")
    assert '<code class="open">Q35.absent</code> (missing)' in book
    assert "4 theorems, 3 of them with hypotheses, and 2 definitions in 1 modules" in book
