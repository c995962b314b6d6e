"""The gateway's own mails: answers, acknowledgements, reports, and what people reply to them."""
