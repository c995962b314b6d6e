"""Every operation of the API, by group: what is served, checked and described comes from here.

In: handlers and models. Out: `OPERATIONS`, and the shapes of the words in their paths. Nothing is raised or logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.api.handlers import (
    campaigns,
    consents,
    exports,
    messages,
    orders,
    recipients,
    senders,
    submitting,
    suppressions,
    webhooks,
)
from gateway.api.models import actions, people
from gateway.api.models import messages as single
from gateway.api.models import webhooks as hooks
from gateway.api.models.campaigns import (
    Accepted,
    CampaignDocument,
    CampaignQuery,
    Campaigns,
    Stats,
    Story,
)
from gateway.api.models.common import Paging
from gateway.api.models.forms import CampaignForm
from gateway.api.models.recipients import ExportDocument, ExportQuery, RecipientQuery, Recipients
from gateway.api.operation import Handler, Operation
from gateway.web.exports.files import KINDS, MEDIA
from store.actions import Power

# the shape of each word of a path; what does not fit is not there
WORDS: Mapping[str, Mapping[str, Any]] = {
    "id": {"type": "string", "pattern": "^([1-9][0-9]{0,14}|sub_[a-z2-7]{26})$"},
    "recipient": {"type": "string", "pattern": "^[1-9][0-9]{0,14}$"},
    "kind": {"type": "string", "enum": list(KINDS), "pattern": "^(xlsx|xls|csv)$"},
    "export": {"type": "string", "pattern": "^[1-9][0-9]{0,14}$"},
    "action": {"type": "string", "pattern": "^[1-9][0-9]{0,14}$"},
    "message": {"type": "string", "pattern": "^msg_[1-9][0-9]{0,14}$"},
    "webhook": {"type": "string", "pattern": "^[1-9][0-9]{0,14}$"},
    "address": {"type": "string", "format": "email", "pattern": "^[^/]{3,320}$"},
}
SHEETS = (
    "text/csv",
    "text/plain",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
)
_ONE = "/campaigns/{id}"


def _campaigns() -> list[Operation]:
    verbs = [
        Operation("POST", f"{_ONE}/{name}", f"{name}_campaign", "campaigns", summary, "send", orders.verb(power),
                  answer=CampaignDocument, problems=(409,))
        for name, power, summary in (
            ("cancel", Power.STOP, "Stop for good: whoever was not written to yet never will be"),
            ("pause", Power.PAUSE, "Pause; resume lets it go on where it was"),
            ("resume", Power.RESUME, "Let a paused campaign go on"),
        )
    ]  # fmt: skip
    return [
        Operation("GET", "/campaigns", "list_campaigns", "campaigns", "List campaigns, newest first", "read",
                  campaigns.listing, query=CampaignQuery, answer=Campaigns),
        Operation("POST", "/campaigns", "send_campaign", "campaigns", "Send a message to a list", "send",
                  submitting.submit, form=CampaignForm, answer=Accepted, status=202, problems=(409,), once=True),
        Operation("GET", _ONE, "get_campaign", "campaigns", "One campaign, also while its mail is being read", "read",
                  campaigns.one, answer=CampaignDocument, problems=(409,)),
        Operation("GET", f"{_ONE}/stats", "get_stats", "campaigns", "Figures and rates, as the report shows them", "read",
                  campaigns.figures, answer=Stats, problems=(409,)),
        Operation("GET", f"{_ONE}/recipients", "list_recipients", "campaigns", "Recipients with their statuses", "read",
                  recipients.listed, query=RecipientQuery, answer=Recipients, problems=(409,)),
        Operation("GET", f"{_ONE}/recipients/{{recipient}}", "get_recipient", "campaigns", "One recipient's whole story",
                  "read", recipients.story, answer=Story, problems=(409,)),
        *_exports(),
        *verbs,
        *_orders(),
    ]  # fmt: skip


def _exports() -> list[Operation]:
    one = f"{_ONE}/exports/{{export}}"
    return [
        Operation("GET", f"{_ONE}/export.{{kind}}", "export_recipients", "campaigns", "Have a file of recipients made",
                  "read", exports.ask, query=ExportQuery, answer=ExportDocument, status=202, problems=(409,)),
        Operation("GET", one, "get_export", "campaigns", "How far a file is", "read", exports.show, answer=ExportDocument,
                  problems=(409,)),
        Operation("GET", f"{one}/file", "fetch_export", "campaigns", "The file, once it is ready", "read", exports.send,
                  media=tuple(MEDIA.values()), problems=(409,)),
    ]  # fmt: skip


def _orders() -> list[Operation]:
    def made(method: str, path: str, name: str, summary: str, handle: Handler, **more: Any) -> Operation:
        return Operation(method, f"{_ONE}{path}", name, "campaigns", summary, "send", handle, answer=actions.ActionDocument,
                         also=(202,), problems=(409,), **more)  # fmt: skip

    return [
        made("PATCH", "", "change_campaign", "Change a campaign before its date", orders.change,
             body=actions.CampaignChange),
        made("POST", "/replay", "replay_campaign", "Send the same message again", orders.replay, body=actions.Replay,
             once=True),
        made("POST", "/replay-list", "replay_to_list", "Send the same message to a new list", orders.replay_list,
             form=actions.ReplayForm, once=True),
        made("POST", "/renew", "renew_link", "End the author's link of the report, and mail them another one", orders.renew),
        made("POST", "/share", "share_report", "Mail somebody a link that only reads the report", orders.share,
             body=actions.Share),
        Operation("GET", f"{_ONE}/actions/{{action}}", "get_action", "campaigns", "How far an action is", "read",
                  orders.show, answer=actions.ActionDocument, problems=(409,)),
    ]  # fmt: skip


def _people() -> list[Operation]:
    return [
        Operation("GET", "/suppressions", "list_suppressions", "suppressions", "The account's suppression list", "read",
                  suppressions.listing, query=people.SuppressionQuery, answer=people.Suppressions),
        Operation("POST", "/suppressions", "add_suppressions", "suppressions", "Write to these addresses no more", "admin",
                  suppressions.add, body=people.NewSuppressions, answer=people.Counted),
        Operation("POST", "/suppressions/import", "import_suppressions", "suppressions",
                  "Add the addresses of a file; columns Reason, Since, Until count", "admin", suppressions.bring_in,
                  upload=SHEETS, answer=people.Imported),
        Operation("DELETE", "/suppressions/{address}", "remove_suppression", "suppressions",
                  "Take an address off the list", "admin", suppressions.remove, status=204, problems=(409,)),
        Operation("GET", "/senders", "list_senders", "senders", "The account's sender addresses", "read", senders.listing,
                  answer=people.Senders),
        Operation("POST", "/senders", "declare_sender", "senders", "Declare an address; its owner is asked by mail",
                  "admin", senders.declare, body=people.NewSender, answer=people.SenderDocument, status=201,
                  problems=(409,)),
        Operation("GET", "/senders/{address}", "get_sender", "senders", "The state of an address", "read", senders.one,
                  answer=people.SenderDocument),
        Operation("POST", "/senders/{address}/check", "check_sender", "senders",
                  "Look for its domain's record, or ask its owner again", "admin", senders.check,
                  answer=people.SenderDocument),
        Operation("GET", "/consents", "list_consents", "consents", "The consent register", "read", consents.listing,
                  query=Paging, answer=people.Consents),
        Operation("POST", "/consents", "record_consent", "consents", "Record what a person said", "admin",
                  consents.record, body=people.NewConsent, answer=people.ConsentState, status=201),
        Operation("GET", "/consents/{address}", "get_consent", "consents", "What stands for an address, and why", "read",
                  consents.one, answer=people.ConsentState),
    ]  # fmt: skip


def _webhooks() -> list[Operation]:
    one = "/webhooks/{webhook}"
    return [
        Operation("GET", "/webhooks", "list_webhooks", "webhooks", "The account's webhooks", "read", webhooks.listing,
                  answer=hooks.Webhooks),
        Operation("POST", "/webhooks", "add_webhook", "webhooks", "Tell events to an address", "admin", webhooks.add,
                  body=hooks.NewWebhook, answer=hooks.WebhookSecret, status=201, problems=(409,)),
        Operation("GET", one, "get_webhook", "webhooks", "One webhook, what waits and what failed", "read", webhooks.show,
                  answer=hooks.WebhookDocument),
        Operation("PATCH", one, "change_webhook", "webhooks", "Change a webhook, switch it off or on", "admin",
                  webhooks.change, body=hooks.WebhookChange, answer=hooks.WebhookDocument),
        Operation("DELETE", one, "remove_webhook", "webhooks", "Forget a webhook and what waits there", "admin",
                  webhooks.remove, status=204),
        Operation("POST", f"{one}/rotate", "rotate_secret", "webhooks", "Another secret; the old one signs for a day, too",
                  "admin", webhooks.rotate, answer=hooks.WebhookSecret),
        Operation("GET", f"{one}/calls", "list_calls", "webhooks", "What the endpoint answered lately", "read",
                  webhooks.calls, answer=hooks.Calls),
        Operation("POST", f"{one}/test", "test_webhook", "webhooks", "Tell a test event at once, and what came back", "admin",
                  webhooks.test, answer=hooks.CallDocument),
        Operation("GET", f"{one}/dead", "list_dead_letters", "webhooks", "Events that were given up", "read",
                  webhooks.dead, query=hooks.DeadQuery, answer=hooks.DeadLetters),
        Operation("POST", f"{one}/replay", "replay_dead_letters", "webhooks", "Tell given up events again", "admin",
                  webhooks.replay, body=hooks.Replay, answer=hooks.Replayed, optional_body=True),
    ]  # fmt: skip


def _messages() -> list[Operation]:
    return [
        Operation("POST", "/messages", "send_message", "messages", "Send a single transactional message", "send",
                  messages.send, body=single.NewMessage, answer=single.MessageDocument, status=202, problems=(409,),
                  once=True, largest=20_000_000),
        Operation("GET", "/messages", "list_messages", "messages", "Single messages, newest first", "read",
                  messages.listing, query=single.MessageQuery, answer=single.Messages),
        Operation("GET", "/messages/days", "sum_messages", "messages", "Sums by day and sender", "read", messages.days,
                  query=single.DayQuery, answer=single.Days),
        Operation("GET", "/messages/{message}", "get_message", "messages", "One message and what happened", "read",
                  messages.show, answer=single.MessageStory),
    ]  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (*_campaigns(), *_messages(), *_people(), *_webhooks())
