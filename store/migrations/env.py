"""How Alembic reaches the tables: over the connection that store.engine hands it."""

from alembic import context

from store.tables import metadata
from store.tables_actions import actions  # noqa: F401
from store.tables_align import account_rules  # noqa: F401
from store.tables_api import api_keys  # noqa: F401
from store.tables_consent import consents  # noqa: F401
from store.tables_delivery import sources  # noqa: F401 the same metadata, whole
from store.tables_files import files  # noqa: F401
from store.tables_grid import orderings  # noqa: F401
from store.tables_hooks import webhooks  # noqa: F401
from store.tables_hosts import account_hosts  # noqa: F401
from store.tables_registers import removals  # noqa: F401
from store.tables_senders import domains  # noqa: F401
from store.tables_talks import talks  # noqa: F401
from store.tables_tracking import hits  # noqa: F401

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
