"""The rules of HTML about tags that parsers/markup goes by: which may be left out, which close which.

In and out: constants, after the HTML living standard, 13.1.2.4 (optional tags) and 13.2.6 (tree construction).
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


VOID = _set("area base br col embed frame hr img input link meta param source track wbr basefont bgsound")
OPTIONAL = _set("html head body p li dt dd option optgroup tr td th thead tbody tfoot colgroup caption rt rp")
# crossed with each other, clients mend them (the adoption agency algorithm)
FORMAT = _set("a b big code em font i nobr s small span strike strong tt u sub sup")
KEEPING = _set("p li dt dd option a")  # bold and the like go on behind them
FOREIGN = _set("svg math")
TABLE = _set("tr td th thead tbody tfoot caption colgroup")
ACTIVE = _set("script iframe object applet form video audio")
NO_SCOPE: frozenset[str] = frozenset()
SCOPE = _set("td th table caption template")
TABLE_SCOPE = _set("table template")
LIST_SCOPE = _set("ul ol dl") | SCOPE
_BLOCK = _set(
    "address article aside blockquote center dl div fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p"
    " pre section table ul"
)
# (these start tags) close (the innermost of these), not looked for behind (one of those)
IMPLIED = (
    (_BLOCK, _set("p"), SCOPE),
    (_set("li"), _set("li"), LIST_SCOPE),
    (_set("dt dd"), _set("dt dd"), LIST_SCOPE),
    (_set("option"), _set("option"), SCOPE),
    (_set("td th"), _set("td th"), TABLE_SCOPE),
    (_set("tr"), _set("tr"), TABLE_SCOPE),
    (_set("thead tbody tfoot"), _set("thead tbody tfoot"), TABLE_SCOPE),
)
