"""What Google's errors say: https://ai.google.dev/gemini-api/docs/troubleshooting"""

from collections.abc import Mapping

from channels_app.failures import Cause

GOOGLE_CAUSES: Mapping[str, Cause] = {
    # Status 400, but the account's fault.
    "API_KEY_INVALID": Cause.CREDENTIAL,
    "CONSUMER_INVALID": Cause.CREDENTIAL,
    # Free calls aren't offered where the gateway stands; a file that isn't ready says the same.
    "FAILED_PRECONDITION": Cause.OVERLOADED,
}
GOOGLE_BEGINNINGS: Mapping[str, Cause] = {
    "The input token count": Cause.TOO_LONG,
    "API key not valid": Cause.CREDENTIAL,
    "API key expired": Cause.CREDENTIAL,
    # Status 403, but of what the request refers to.
    "CachedContent not found": Cause.MISSING,
    "You do not have permission to access the File ": Cause.MISSING,
}
