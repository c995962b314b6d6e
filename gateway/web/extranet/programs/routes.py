"""The addresses of keys and webhooks.

In: nothing. Out: `ROUTES`, which the extranet's own list takes in. Raises nothing.
"""

from __future__ import annotations

from starlette.routing import Route

from gateway.web.extranet.programs import hooks, keys

_HOOK = f"{hooks.PAGE}/{{id:int}}"
ROUTES = [
    Route(keys.PAGE, keys.show),
    Route(f"{keys.PAGE}/creer", keys.add, methods=["POST"]),
    Route(f"{keys.PAGE}/revoquer", keys.revoke, methods=["POST"]),
    Route(hooks.PAGE, hooks.show),
    Route(f"{hooks.PAGE}/ajouter", hooks.add, methods=["POST"]),
    Route(_HOOK, hooks.one),
    Route(f"{_HOOK}/modifier", hooks.change, methods=["POST"]),
    Route(f"{_HOOK}/secret", hooks.rotate, methods=["POST"]),
    Route(f"{_HOOK}/essai", hooks.test, methods=["POST"]),
    Route(f"{_HOOK}/rejouer", hooks.replay, methods=["POST"]),
    Route(f"{_HOOK}/marche", hooks.switch, methods=["POST"]),
    Route(f"{_HOOK}/supprimer", hooks.remove, methods=["POST"]),
]
