"""What the site says of itself."""

from django.utils.translation import gettext_lazy as _

from chatapi.options.definitions.kinds import Definitions, gettext_noop

TAB = gettext_noop("Site")
OPTIONS: Definitions = {
    "SystemName": ("Chat API", _("Name shown on pages."), "line"),
    "ServerAddress": (
        "",
        _(
            "Address under which people reach this site; links in mails and callbacks of payment "
            "providers are built on it. Empty: the address of each request, and mails without "
            "links."
        ),
        "site_address",
    ),
    "Logo": (
        "",
        _("Address of the logo, or a path on this site. Empty: the built-in one."),
        "picture",
    ),
    "HomePageContent": (
        "",
        _(
            "The home page: Markdown or HTML, or an https:// address that is shown in a frame. "
            "Empty: the built-in page."
        ),
        "content",
    ),
    "About": (
        "",
        _("The tutorial: Markdown or HTML, or an https:// address that is shown in a frame."),
        "content",
    ),
    "Notice": ("", _("Announcement to everybody: Markdown or HTML. Empty: none."), "content"),
    "Footer": ("", _("Foot of every page: Markdown or HTML."), "content"),
    "ChatLink": ("", _("Address of an external chat page, linked from the menu."), "address"),
    "Midjourney": ("", _("Text that /api/midjourney answers to clients."), "content"),
    "SiteTitle": (
        "",
        _("Title of the site in browsers and search engines. Empty: SystemName."),
        "optional_line",
    ),
    "SiteDescription": (
        "",
        _("Description for search engines and previews."),
        "optional_line",
    ),
    "OpenGraphTitle": (
        "",
        _("Title in previews of links (Telegram and others). Empty: SiteTitle."),
        "optional_line",
    ),
    "OpenGraphDescription": (
        "",
        _("Description in previews of links. Empty: SiteDescription."),
        "optional_line",
    ),
    "OpenGraphImage": ("", _("Picture in previews of links. Empty: Logo."), "picture"),
    "HeadHtml": (
        "",
        _("Further meta and link elements (HTML) in the head of the pages for users."),
        "head",
    ),
}
