#!/usr/bin/env python3
"""Send a campaign and follow it by webhook until it has ended: follow_campaign.py FROM SUBJECT TEXT LISTE LISTEN_AT

M2C_URL and M2C_KEY in the environment; LISTEN_AT is this machine's address as the gateway reaches it: http://HOST:PORT/
"""

import base64
import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen


def call(method, path, body=b"", kind="application/json"):
    headers = {"Authorization": f"Bearer {os.environ['M2C_KEY']}", "Content-Type": kind}
    with urlopen(Request(f"{os.environ['M2C_URL']}/api/v1{path}", body or None, headers, method=method)) as answer:
        return json.loads(answer.read() or b"null")


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body, sent = self.rfile.read(int(self.headers["content-length"])), self.headers
        signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
        mark = hmac.digest(base64.b64decode(hook["secret"].removeprefix("whsec_")), signed, hashlib.sha256)
        genuine = f"v1,{base64.b64encode(mark).decode()}" in sent["webhook-signature"].split()
        self.send_response(204 if genuine else 401)
        self.end_headers()
        event = json.loads(body)
        if genuine:
            print(event["type"], event["data"].get("recipient", {}).get("address", ""), flush=True)
            self.server.over = event["type"] == "campaign.finished"

    def log_message(self, *_):
        pass


author, subject, text, liste, place = sys.argv[1:]
server = HTTPServer(("", urlsplit(place).port), Hook)
server.over = False
events = ["delivered", "deferred", "bounced", "opened", "clicked", "unsubscribed", "complained", "campaign.finished"]
hook = call("POST", "/webhooks", json.dumps({"url": place, "events": events}).encode())
parts = {"from": author, "subject": subject, "text": text, "liste": Path(liste).read_text("utf-8")}
form = "".join(
    f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{part}\r\n' for name, part in parts.items()
)
sent = call("POST", "/campaigns", f"{form}--x--\r\n".encode(), "multipart/form-data; boundary=x")
print("sent", sent["links"]["self"], flush=True)
while not server.over:
    server.handle_request()
call("DELETE", f"/webhooks/{hook['id']}")
