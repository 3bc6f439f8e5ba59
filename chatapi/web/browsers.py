"""What a browser calls itself, in words: enough to recognise one's own."""

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("MicroMessenger", "WeChat"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def describe_browser(agent: str) -> str:
    """`Firefox · Windows`; the beginning of what it said where that is unknown, '' for nothing."""
    found = [
        next((name for sign, name in names if sign in agent), "") for names in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(filter(None, found)) or agent[:40]
