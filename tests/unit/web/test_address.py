"""The site's address: the option, else the request's own."""

import pytest
from constance import config
from django.test import RequestFactory

from chatapi.web.address import site_url

pytestmark = pytest.mark.django_db


def test_the_option_comes_before_the_request() -> None:
    request = RequestFactory().get("/topup", headers={"host": "a.example:81"})
    assert site_url(request) == "http://a.example:81"
    assert site_url().startswith("http://localhost:")
    config.ServerAddress = "https://chat.example/sub"
    assert site_url(request) == site_url() == "https://chat.example/sub"
