"""The domains under which well-known providers give people their addresses, for filters such as "adresses Wanadoo".

In: nothing. Out: `DOMAINS`, by the key that config/providers.toml gives the provider too. Only domains for everybody's
addresses stand here: who hosts a firm's own domain is told by its MX, and does not stand in the address. A test holds the
keys to the providers file. Nothing is raised or logged.
"""

from __future__ import annotations

_TEXT = {
    "orange": "orange.fr wanadoo.fr voila.fr",
    "sfr": "sfr.fr neuf.fr cegetel.net club-internet.fr numericable.fr noos.fr 9online.fr 9business.fr dbmail.com",
    "free": "free.fr aliceadsl.fr libertysurf.fr online.fr worldonline.fr",
    "laposte": "laposte.net",
    "bouygues": "bbox.fr",
    "gmail": "gmail.com googlemail.com",
    "microsoft": "outlook.com outlook.fr hotmail.com hotmail.fr live.com live.fr msn.com hotmail.be hotmail.co.uk",
    "yahoo": "yahoo.com yahoo.fr ymail.com rocketmail.com aol.com aol.fr yahoo.co.uk yahoo.ca",
    "apple": "icloud.com me.com mac.com",
    "gmx": "gmx.com gmx.net gmx.fr gmx.de",
    "webde": "web.de",
    "proton": "protonmail.com proton.me pm.me",
}
DOMAINS = {key: tuple(text.split()) for key, text in _TEXT.items()}
PROVIDERS = tuple(DOMAINS)
