"""The addresses of the extranet.

In: nothing. Out: `ROUTES`, and `twins`: every page of a report that its secret link has, under the number of its
campaign for those who are logged in. A page of a new section is a line here and one in shell.SECTIONS. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from gateway.web.extranet import account, gate, hosting, login, own, passwords, team, tracking
from gateway.web.extranet.house import addresses, aside, owners, queues
from gateway.web.extranet.new import pages, sending
from gateway.web.extranet.programs import routes as programs
from gateway.web.extranet.registers import routes as registers
from gateway.web.grid import remembered

HOME = gate.HOME

_DRAFT = f"{pages.PAGE}/{{id:int}}"
_NEW = [
    Route(pages.PAGE, pages.begin),
    Route(pages.PAGE, pages.keep_message, methods=["POST"]),
    Route(f"{_DRAFT}/message", pages.open_message),
    Route(f"{_DRAFT}/message", pages.keep_message, methods=["POST"]),
    Route(f"{_DRAFT}/liste", pages.open_list),
    Route(f"{_DRAFT}/liste", pages.keep_list, methods=["POST"]),
    Route(f"{_DRAFT}/options", pages.open_options),
    Route(f"{_DRAFT}/options", pages.keep_options, methods=["POST"]),
    Route(f"{_DRAFT}/envoi", sending.look),
    Route(f"{_DRAFT}/apercu", sending.preview),
    Route(f"{_DRAFT}/epreuve", sending.proof, methods=["POST"]),
    Route(f"{_DRAFT}/envoyer", sending.send, methods=["POST"]),
    Route(f"{_DRAFT}/suite", sending.after),
    Route(f"{_DRAFT}/fichier", pages.drop_file, methods=["POST"]),
    Route(f"{_DRAFT}/effacer", pages.forget, methods=["POST"]),
]

_HOUSE = [
    Route(queues.PAGE, queues.show),
    Route(f"{queues.PAGE}/reprendre", queues.resume, methods=["POST"]),
    Route(f"{queues.PAGE}/tout-arreter", queues.pause_all, methods=["POST"]),
    Route(f"{queues.PAGE}/tout-reprendre", queues.resume_all, methods=["POST"]),
    Route(addresses.PAGE, addresses.show),
    Route(addresses.PAGE, addresses.act, methods=["POST"]),
    Route(owners.PAGE, owners.show),
    Route(f"{owners.PAGE}/suspendre", owners.suspend, methods=["POST"]),
    Route(f"{owners.PAGE}/retablir", owners.resume, methods=["POST"]),
    Route(f"{owners.PAGE}/quota", owners.quota, methods=["POST"]),
    Route(f"{owners.PAGE}/droits", owners.rights, methods=["POST"]),
    Route(f"{owners.PAGE}/{{id:int}}", owners.one),
    Route(aside.PAGE, aside.show),
    Route(f"{aside.PAGE}/liberer", aside.release, methods=["POST"]),
    Route(f"{aside.PAGE}/relire", aside.again, methods=["POST"]),
    Route(f"{aside.PAGE}/jeter", aside.drop, methods=["POST"]),
    Route(f"{aside.PAGE}/{{ref}}", aside.look),
]


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
    Route(f"{HOME}/campagnes/{{campaign:int}}/memory", remembered.keep, methods=["POST"]),
    *_NEW,
    *_HOUSE,
    Route(account.PAGE, account.show),
    Route(f"{account.PAGE}/reglages", account.settings, methods=["POST"]),
    Route(f"{account.PAGE}/attestation", account.attest, methods=["POST"]),
    Route(f"{account.PAGE}/retrait", account.withdraw, methods=["POST"]),
    Route(hosting.PAGE, hosting.show),
    Route(f"{hosting.PAGE}/choisir", hosting.choose, methods=["POST"]),
    Route(f"{hosting.PAGE}/quitter", hosting.leave, methods=["POST"]),
    Route(f"{hosting.PAGE}/verifier", hosting.look, methods=["POST"]),
    Route(own.PAGE, own.show),
    Route(f"{own.PAGE}/mot-de-passe", own.password, methods=["POST"]),
    Route(f"{own.PAGE}/langue", own.language, methods=["POST"]),
    Route(f"{own.PAGE}/sessions", own.others, methods=["POST"]),
    Route(f"{own.PAGE}/codes", own.codes_on, methods=["POST"]),
    Route(f"{own.PAGE}/codes/arret", own.codes_off, methods=["POST"]),
    Route(f"{own.PAGE}/programmes", own.program, methods=["POST"]),
    Route(f"{own.PAGE}/programmes/retirer", own.program_gone, methods=["POST"]),
    *registers.ROUTES,
    *programs.ROUTES,
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
