"""The addresses of the registers.

In: nothing. Out: `ROUTES`, and below which of them somebody may bring a list. Raises nothing.
"""

from __future__ import annotations

from starlette.routing import Route

from gateway.web.extranet.gate import HOME
from gateway.web.extranet.registers import consent, sending, suppressed

# below these, somebody who is logged in may bring a list
BRINGS = (f"{HOME}/campagnes/", f"{suppressed.PAGE}/import", f"{consent.PAGE}/import")

ROUTES = [
    Route(suppressed.PAGE, suppressed.show),
    Route(f"{suppressed.PAGE}/ajouter", suppressed.add, methods=["POST"]),
    Route(f"{suppressed.PAGE}/import", suppressed.bring_in, methods=["POST"]),
    Route(f"{suppressed.PAGE}/export.csv", suppressed.export),
    Route(f"{suppressed.PAGE}/{{id:int}}/retirer", suppressed.ask),
    Route(f"{suppressed.PAGE}/{{id:int}}/retirer", suppressed.remove, methods=["POST"]),
    Route(consent.PAGE, consent.show),
    Route(f"{consent.PAGE}/personne", consent.person),
    Route(f"{consent.PAGE}/ajouter", consent.record, methods=["POST"]),
    Route(f"{consent.PAGE}/import", consent.bring_in, methods=["POST"]),
    Route(f"{consent.PAGE}/export.csv", consent.export),
    Route(sending.PAGE, sending.show),
    Route(f"{sending.PAGE}/ajouter", sending.declare, methods=["POST"]),
    Route(f"{sending.PAGE}/{{id:int}}", sending.one),
    Route(f"{sending.PAGE}/{{id:int}}/lettre", sending.again, methods=["POST"]),
    Route(f"{sending.PAGE}/{{id:int}}/domaine", sending.claim, methods=["POST"]),
    Route(f"{sending.PAGE}/{{id:int}}/verifier", sending.look, methods=["POST"]),
]
