"""Background work on tasks at providers. Every effect happens once, however often this runs."""

from celery import shared_task

from relay.midjourney.polling import poll_tasks
from relay.response_cleaning import forget_responses
from relay.text_cleaning import forget_texts


@shared_task(name="relay.poll_midjourney")
def poll_midjourney() -> int:
    return poll_tasks()


__all__ = ["forget_responses", "forget_texts", "poll_midjourney"]
