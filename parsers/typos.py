"""Probable typing mistakes in the domains of well-known mail providers.

In: a domain; out: the domain that was probably meant, or "" where nothing is suspicious.
Raises nothing and logs nothing; it only suggests, nothing is ever changed on its word.
"""

from __future__ import annotations

from functools import lru_cache

_FRENCH = (
    "orange.fr wanadoo.fr free.fr sfr.fr laposte.net bbox.fr neuf.fr numericable.fr hotmail.fr live.fr outlook.fr "
    "yahoo.fr gmx.fr aliceadsl.fr club-internet.fr cegetel.net voila.fr noos.fr libertysurf.fr 9online.fr 9business.fr "
    "tele2.fr dbmail.com bouyguestelecom.fr nordnet.fr online.fr aol.fr msn.fr icloud.fr ymail.fr worldonline.fr"
)
_WORLD = (
    "gmail.com googlemail.com hotmail.com outlook.com live.com msn.com yahoo.com ymail.com rocketmail.com aol.com "
    "icloud.com me.com mac.com gmx.com gmx.net gmx.de mail.com email.com protonmail.com proton.me pm.me zoho.com "
    "yandex.com yandex.ru mail.ru web.de t-online.de libero.it virgilio.it skynet.be telenet.be bluewin.ch "
    "hotmail.co.uk yahoo.co.uk btinternet.com comcast.net verizon.net att.net fastmail.com tutanota.com hey.com "
    "infomaniak.com ovh.net ikmail.com orange.com sfr.com yahoo.ca hotmail.be videotron.ca sympatico.ca"
)
KNOWN = frozenset((_FRENCH + " " + _WORLD).split())
# Brands that exist under many country codes: yahoo.it and hotmail.es are no mistakes.
_EVERYWHERE = frozenset(
    ("yahoo", "hotmail", "live", "outlook", "msn", "gmx", "aol", "yandex", "orange", "free", "mail")
)
_COUNTRIES_TEXT = (
    "ae ar at au be bg br ca ch cl cn cz de dk ee es eu fi fr gr hk hr hu id ie il in it jp kr lt lu lv ma mx my nl no "
    "nz pe ph pl pt ro rs ru sa se sg si sk th tn tr tw ua uk us vn za com net org info biz"
)
_COUNTRIES = frozenset(_COUNTRIES_TEXT.split())
# Real domains at one stroke from a provider's.
_INNOCENT_TEXT = (
    "tmail.com bmail.com gail.com gmail.fr email.fr grange.fr orage.fr lives.com olive.fr frees.fr dive.com five.com"
    " yopmail.com yopmail.fr yopmail.net"
)
_INNOCENT = frozenset(_INNOCENT_TEXT.split())
# Short names are a stroke away from half the world: only what is written here is suggested for them.
_SHORT = {
    "fre.fr": "free.fr", "freee.fr": "free.fr", "ree.fr": "free.fr", "fee.fr": "free.fr", "free.rf": "free.fr",
    "srf.fr": "sfr.fr", "sfrr.fr": "sfr.fr", "sf.fr": "sfr.fr", "sffr.fr": "sfr.fr", "ssfr.fr": "sfr.fr",
    "neuff.fr": "neuf.fr", "bboxx.fr": "bbox.fr", "bbbox.fr": "bbox.fr", "bbx.fr": "bbox.fr", "box.fr": "bbox.fr",
    "gmil.com": "gmail.com", "gmal.com": "gmail.com", "gmai.com": "gmail.com", "gml.com": "gmail.com",
    "liv.fr": "live.fr", "livee.fr": "live.fr", "yaho.fr": "yahoo.fr", "yaho.com": "yahoo.com", "iclod.com": "icloud.com",
    "outlok.fr": "outlook.fr", "hotmal.fr": "hotmail.fr", "gmail.fr": "", "la-poste.net": "laposte.net",
    "laposte.fr": "", "poste.net": "laposte.net", "msm.com": "msn.com", "aoll.com": "aol.com",
}  # fmt: skip


def _allowed(name: str) -> int:
    """How many strokes off a provider's name may be: none for short names, two for long ones."""
    return 0 if len(name) < 5 else 1 if len(name) < 7 else 2


def _mask(name: str) -> int:
    """The set of a name's characters as bits; one stroke changes at most two of them."""
    bits = 0
    for char in name:
        bits |= 1 << (ord(char) & 63)
    return bits


# Prepared once: a list of 100,000 lines may hold 30,000 domains, so only near sets of letters are measured.
_SPLIT = sorted((known.partition(".")[0], known.partition(".")[2], known) for known in KNOWN)
_NAMES = frozenset(name for name, _, _ in _SPLIT)
_NEAR = [(_mask(name), 2 * _allowed(name), name) for name in sorted(_NAMES) if _allowed(name)]
_LONGEST = max(map(len, _NAMES)) + 2
_FLAT = {"".join(char for char in known if char.isalnum()): known for _, _, known in _SPLIT if len(known) > 6}


@lru_cache(maxsize=65536)
def typo_hint(domain: str) -> str:
    """The provider's domain that `domain` is probably a misspelling of, or ""; never for a known domain."""
    domain = domain.lower().strip(".")
    if domain in KNOWN or domain in _INNOCENT or len(domain) > 30:
        return ""
    if domain in _SHORT:
        return _SHORT[domain]
    name, _, end = domain.partition(".")
    if not end:
        return _joined(domain)
    hint = _ending(name, end) or _joined(domain)
    return hint or _naming(name, end)


def _ending(name: str, end: str) -> str:
    """orange.f, gmail.con, hotmail.fr.fr: the name is right, what follows is not."""
    candidates = [known for right, _, known in _SPLIT if right == name] if name in _NAMES else []
    if not candidates or (end in _COUNTRIES and name in _EVERYWHERE):
        return ""
    scored = sorted((_distance(end, known.partition(".")[2], 2), known) for known in candidates)
    best, known = scored[0]
    if best <= 1 and (end not in _COUNTRIES or len(candidates) == 1):
        return known
    if best <= 2 and end not in _COUNTRIES and len(end) <= 4:
        return known
    doubled = {known.partition(".")[2] * 2 for known in candidates} | {"fr.fr", "com.com", "fr.com", "com.fr"}
    return known if end in doubled or end.replace(".", "") in doubled else ""


def _joined(domain: str) -> str:
    """gmailcom, orangefr, gmail..com, gmail,com: the dot is missing or wrong."""
    return _FLAT.get("".join(char for char in domain if char.isalnum()), "")


def _naming(name: str, end: str) -> str:
    """gmial.com, wanado.fr: the ending is right, the name is a stroke off."""
    if len(name) > _LONGEST:
        return ""
    mask = _mask(name)
    near = [right for bits, strokes, right in _NEAR if (mask ^ bits).bit_count() <= strokes]
    best: tuple[int, str] | None = None
    for right, ending, known in (entry for entry in _SPLIT if entry[0] in near) if near else ():
        bad_end = ending != end
        # Both halves wrong (gmial.con) only where the ending is no real one.
        if bad_end and (end in _COUNTRIES or _distance(end, ending, 1) > 1):
            continue
        gap = _distance(name, right, _allowed(right))
        if gap <= _allowed(right) and (best is None or gap + bad_end < best[0]):
            best = (gap + bad_end, known)
    return best[1] if best is not None else ""


def _distance(left: str, right: str, bound: int) -> int:
    """Edit distance with neighbours swapped counting one (optimal string alignment), given up above `bound`."""
    if abs(len(left) - len(right)) > bound:
        return bound + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        now = [i] + [0] * len(right)
        for j, other in enumerate(right, 1):
            now[j] = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (char != other))
            if i > 1 and j > 1 and char == right[j - 2] and left[i - 2] == other:
                now[j] = min(now[j], before[j - 2] + 1)
        before, row = row, now
    return row[-1]
