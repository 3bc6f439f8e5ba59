"""Pages: the console, the home page, the choice of the language; and the JSON API."""

from django.contrib import admin
from django.urls import include, path

from chatapi.web.pages.files import show_favicon, show_robots

urlpatterns = [
    path("", include("chatapi.web.pages.site_routes")),
    path("", include("chatapi.web.pages.account_routes")),
    path("", include("chatapi.web.pages.money_routes")),
    path("", include("chatapi.web.pages.alert_routes")),
    path("admin/", admin.site.urls),
    path("api/", include("chatapi.web.api.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("robots.txt", show_robots, name="robots"),
    path("favicon.ico", show_favicon, name="favicon"),
]

handler500 = "chatapi.web.unavailable.answer_server_error"
