"""Settings of programs: the API and the webhooks.

In: values of the settings file, or of the environment. Out: the sections of config.settings. Raises pydantic's
ValidationError, which config.settings turns into a sentence.
"""

from __future__ import annotations

from pydantic import Field

from config.section import Section


class Api(Section):
    requests_per_minute: int = Field(
        600, gt=0, description="Requests a minute that one API key may make; above: 429 with Retry-After."
    )
    uploads: int = Field(
        4, gt=0, description="Messages that the API takes at once; each is kept on the disk meanwhile."
    )
