"""What time it is by the clock that all nodes share: that of the database.

A node whose own clock is wrong must not end anybody's credit early, nor take the work of another
node for abandoned.
"""

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone

ASK = {
    "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())",
    "mysql": "SELECT UNIX_TIMESTAMP(NOW(6))",
}


def database_now() -> datetime:
    """Its time at this moment, also inside of a transaction; raises DatabaseError. SQLite shares
    the clock of its only node.
    """
    question = ASK.get(connection.vendor)
    if question is None:
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(question)
        return datetime.fromtimestamp(float(cursor.fetchone()[0]), UTC)
