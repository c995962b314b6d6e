"""Files that run when they are opened: never handed out as downloads under our name.

In: a file's name and bytes. Out: whether it is a program, a script, a shortcut, a disk image or an active page, by its
ending, by its first bytes, or because an archive holds such a file. Pure; raises nothing.
"""

from __future__ import annotations

import re
import unicodedata

from parsers.archive import Archive, BadArchive
from parsers.sheet import Limits, TooMuch

# pages that run scripts from the reader's disk, as if we had written them; inside an archive they are material
_PAGES = frozenset({"htm", "html", "shtml", "xhtml", "xht", "mht", "mhtml", "svg", "svgz", "swf"})
# programs, scripts and shortcuts; disk images, since what is inside escapes the marks that downloads bear
_WORDS = """
exe com bat cmd scr pif cpl msi msp mst msix msixbundle appx appxbundle application appref-ms gadget dll sys drv ocx inf ins
isp reg lnk url scf website search-ms library-ms settingcontent-ms diagcab theme themepack hta chm hlp xll wll xbap js jse vbs
vbe vb vbscript ws wsc wsf wsh sct shb shs ps1 ps1xml ps2 psc1 psc2 psd1 psm1 msh msh1 msh2 mshxml mde ade adp slk iqy rqy udl
rdp iso img vhd vhdx udf
app command dmg pkg mpkg action workflow scpt scptd terminal webloc sh bash csh ksh zsh fish deb rpm appimage flatpakref snap
desktop jar jnlp apk aab ipa xapk py pyc pyw pyz pl rb php
"""
_PROGRAMS = frozenset(_WORDS.split())
ENDINGS = _PROGRAMS | _PAGES
_HEADS = (b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xce",
          b"\xfe\xed\xfa\xcf", b"L\x00\x00\x00\x01\x14\x02\x00", b"ITSF", b"dex\n")  # fmt: skip
_ENTRIES = 5_000
_LIMITS = Limits(unpacked=1 << 40, ratio=1 << 30)  # only names are read
_TAIL = re.compile(r"[\s.]+\Z")  # Windows leaves these out of a name


def runs(name: str, data: bytes) -> bool:
    """Say whether a file must not be handed out."""
    if named_so(name) or data.startswith(_HEADS) or (data.startswith(b"MZ") and b"\0" in data[:64]):
        return True
    return data.startswith(b"PK") and any(not _endings(one).isdisjoint(_PROGRAMS) for one in _inside(data))


def named_so(name: str) -> bool:
    """Say whether a name ends as that of a program does, whatever it hides behind (blanks, dots, marks of direction)."""
    return not _endings(name).isdisjoint(ENDINGS)


def _endings(name: str) -> frozenset[str]:
    """The ending of a name, and that before the name of a stream (`a.exe::$DATA`)."""
    plain = "".join(
        char for char in unicodedata.normalize("NFKC", name) if unicodedata.category(char) not in ("Cf", "Cc")
    )
    pieces = (_TAIL.sub("", piece).casefold().rpartition(".") for piece in plain.split(":"))
    return frozenset(ending for _, dot, ending in pieces if dot)


def _inside(data: bytes) -> list[str]:
    try:
        return Archive(data, _LIMITS).names()[:_ENTRIES]
    except (BadArchive, TooMuch):
        return []
