"""The addresses of the extranet.

In: nothing. Out: `ROUTES`, and `twins`: every page of a report that its secret link has, under the number of its
campaign for those who are logged in. A page of a new section is a line here and one in shell.SECTIONS. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from gateway.web.extranet import account, gate, login, own, passwords, team, tracking

HOME = gate.HOME

ROUTES = [
    Route(HOME, login.home),
    Route(gate.LOGIN, login.ask),
    Route(gate.LOGIN, login.act, methods=["POST"]),
    Route(f"{HOME}/code", login.ask_code),
    Route(f"{HOME}/code", login.act_code, methods=["POST"]),
    Route(f"{HOME}/sortie", login.leave, methods=["POST"]),
    Route(f"{HOME}/oubli", passwords.ask),
    Route(f"{HOME}/oubli", passwords.act, methods=["POST"]),
    Route(f"{HOME}/p/{{token}}", passwords.show),
    Route(f"{HOME}/p/{{token}}", passwords.choose, methods=["POST"]),
    Route(f"{HOME}/campagnes", tracking.show),
    Route(account.PAGE, account.show),
    Route(f"{account.PAGE}/reglages", account.settings, methods=["POST"]),
    Route(f"{account.PAGE}/attestation", account.attest, methods=["POST"]),
    Route(f"{account.PAGE}/retrait", account.withdraw, methods=["POST"]),
    Route(own.PAGE, own.show),
    Route(f"{own.PAGE}/mot-de-passe", own.password, methods=["POST"]),
    Route(f"{own.PAGE}/langue", own.language, methods=["POST"]),
    Route(f"{own.PAGE}/sessions", own.others, methods=["POST"]),
    Route(f"{own.PAGE}/codes", own.codes_on, methods=["POST"]),
    Route(f"{own.PAGE}/codes/arret", own.codes_off, methods=["POST"]),
    Route(f"{own.PAGE}/programmes", own.program, methods=["POST"]),
    Route(f"{own.PAGE}/programmes/retirer", own.program_gone, methods=["POST"]),
    Route(team.PAGE, team.show),
    Route(f"{team.PAGE}/ajouter", team.add, methods=["POST"]),
    Route(f"{team.PAGE}/role", team.role, methods=["POST"]),
    Route(f"{team.PAGE}/lien", team.link, methods=["POST"]),
    Route(f"{team.PAGE}/retirer", team.remove, methods=["POST"]),
    Route(f"{team.PAGE}/{{id:int}}/retirer", team.ask),
]


def twins(routes: Sequence[Route]) -> list[Route]:
    """The routes of reports once more, by number instead of by secret link (gateway.web.access tells which it was)."""
    own, start = f"{HOME}/campagnes/{{campaign:int}}", "/r/{token}"
    return [
        Route(own + route.path.removeprefix(start), route.endpoint, methods=sorted(route.methods or ("GET",)))
        for route in routes
        if route.path.startswith(start)
    ]
