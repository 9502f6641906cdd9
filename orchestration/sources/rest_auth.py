"""Signing in: dlt's ways (key, bearer, basic, OAuth2), and one more, a request that is answered with a token."""

from __future__ import annotations

from typing import Any, cast

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.rest_api.config_setup import create_auth
from requests import PreparedRequest, RequestException, Session
from requests.auth import AuthBase

from orchestration.sources.config import Feed
from orchestration.sources.errors import ConfigError
from orchestration.sources.records import values_at


class SignInError(RequestException):
    """The API does not let us in; the message holds no secret."""


class Login(AuthBase):
    """A token from a request of its own, sent as bearer: what dlt has no form of.

    Parameters
    ----------
    session : requests.Session
        With retries.
    url : str
        Where to sign in.
    body : mapping
        Name and password, as the API wants them, sent as JSON.
    token : str
        Path of the token in the answer, e.g. `accessJwt`.
    """

    def __init__(self, session: Session, url: str, body: dict[str, Any], token: str = "access_token") -> None:
        self._session, self._url, self._body, self._path = session, url, body, token
        self._token: str | None = None

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self._token is None:
            self.obtain_token()
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def obtain_token(self) -> None:
        """Sign in again."""
        response = self._session.post(self._url, json=self._body, allow_redirects=False)
        if response.status_code >= 300:
            raise SignInError(f"signing in failed with status {response.status_code}; check auth:")
        try:
            found = values_at(response.json(), self._path)
        except ValueError:
            found = []
        if not found:
            raise SignInError(f"the answer to signing in has no {self._path}; check auth:")
        self._token = str(found[0])


def sign_in(feed: Feed, session: Session) -> AuthBase | None:
    """What adds the feed's credentials to its requests.

    Raises
    ------
    ConfigError
        The settings do not fit the type; the message names them, not their values.
    """
    given = feed.connection.get("auth")
    if given is None:
        return None
    settings = {key: value for key, value in given.items() if key != "type"}
    try:
        if given["type"] == "login":
            return Login(session, **settings)
        auth: AuthBase | None = create_auth(cast(Any, dict(given)))
    except (ConfigurationException, TypeError, ValueError):
        names = ", ".join(sorted(given))
        raise ConfigError(f"{feed.where_from}: auth: the settings {names} do not fit the type; see dlt's") from None
    if isinstance(auth, OAuth2ClientCredentials):
        auth.session = session
    return auth


def renew(auth: AuthBase | None) -> bool:
    """Sign in again if that is possible, and say whether it was."""
    if isinstance(auth, Login | OAuth2ClientCredentials):
        auth.obtain_token()
        return True
    return False
