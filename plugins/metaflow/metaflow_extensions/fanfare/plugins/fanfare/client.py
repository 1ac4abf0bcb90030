"""The server's API, as far as the plugin needs it, with the standard library alone."""

import hashlib
import json
import os
import urllib.error
import urllib.parse
import urllib.request

from metaflow.exception import MetaflowException
from metaflow.metaflow_config_funcs import from_conf


class FanfareException(MetaflowException):
    headline = "Fanfare error"


class NotFound(FanfareException):
    headline = "Not found on Fanfare"


def server_url():
    """Where the server is: METAFLOW_FANFARE_URL (or FANFARE_URL in Metaflow's configuration), else the CLI's FANFARE_SERVER, else this machine."""
    given = from_conf("FANFARE_URL") or os.environ.get("FANFARE_SERVER") or "http://127.0.0.1:7433"
    # The CLI takes several that stand by for each other; any of them answers for all.
    return given.split(",")[0].strip().rstrip("/")


def server_token():
    return from_conf("FANFARE_TOKEN") or os.environ.get("FANFARE_TOKEN")


class FanfareClient(object):
    """Calls the API; refusals become exceptions that say what the server said.

    Parameters
    ----------
    url : str, optional
        Base URL of the server; by default what the configuration says.
    token : str, optional
        Access token; by default what the configuration says.
    actor : str, optional
        Who asks, for the run's history.
    """

    # A query of the server's own takes 15 s at most, a command 30 s.
    _TIMEOUT_SECONDS = 40

    def __init__(self, url=None, token=None, actor=None):
        self._url = (url or server_url()).rstrip("/")
        self._token = token or server_token()
        self._actor = actor

    @property
    def url(self):
        return self._url

    # --- flows

    def deploy(self, source, package):
        """Deploys a spec (JSON text) with a code package (bytes of a tar.gz); returns what the server says of the deployment."""
        digest = hashlib.sha256(package).hexdigest()
        path = "/api/v1/packages/%s" % digest
        if self._call("HEAD", path, missing=True) is None:
            self._call("PUT", path, body=package, content_type="application/octet-stream")
        return self._json("POST", "/api/v1/flows", {"source": source, "package": digest})

    def flow(self, name):
        """The latest deployment of a flow; None when there is none."""
        return self._json("GET", "/api/v1/flows/%s" % _quoted(name), missing=True)

    def flows(self):
        """The latest deployment of each flow."""
        return self._pages("/api/v1/flows", {})

    # --- runs

    def start(self, flow, parameters):
        return self._json("POST", "/api/v1/flows/%s/runs" % _quoted(flow), {"parameters": parameters})["run"]

    def run(self, run):
        """A run; None when there is none of this id."""
        return self._json("GET", "/api/v1/runs/%s" % _quoted(run), missing=True)

    def runs(self, flow):
        """The runs of a flow, newest first."""
        return self._pages("/api/v1/runs", {"flow": flow})

    def command(self, run, verb, body=None):
        return self._json("POST", "/api/v1/runs/%s:%s" % (_quoted(run), verb), body or {})

    def steps(self, run):
        return self._pages("/api/v1/runs/%s/steps" % _quoted(run), {})

    def log(self, run, task):
        """Lines of the log of a task's latest attempt."""
        path = "/api/v1/runs/%s/tasks/%s/logs" % (_quoted(run), _quoted(task))
        return self._call("GET", path, accept="text/plain").decode("utf-8", "replace").splitlines()

    # --- the way there

    def _pages(self, path, query):
        cursor = None
        while True:
            asked = dict(query, limit=1000, **({"cursor": cursor} if cursor else {}))
            page = self._json("GET", "%s?%s" % (path, urllib.parse.urlencode(asked)))
            for item in page["items"]:
                yield item
            cursor = page.get("next")
            if cursor is None:
                return

    def _json(self, method, path, body=None, missing=False):
        content = None if body is None else json.dumps(body).encode("utf-8")
        answer = self._call(method, path, body=content, missing=missing)
        return None if answer is None else json.loads(answer)

    def _call(self, method, path, body=None, content_type="application/json", accept="application/json", missing=False):
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        if self._token:
            headers["Authorization"] = "Bearer %s" % self._token
        if self._actor:
            headers["X-Fanfare-Actor"] = self._actor.encode("ascii", "replace").decode("ascii")[:128]
        request = urllib.request.Request(self._url + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self._TIMEOUT_SECONDS) as response:
                return response.read()
        except urllib.error.HTTPError as refused:
            if refused.code == 404 and missing:
                return None
            raise self._refusal(refused) from None
        except (urllib.error.URLError, OSError) as broken:
            raise FanfareException(
                "The Fanfare server at %s cannot be reached: %s. Is it running (fanfare serve)? METAFLOW_FANFARE_URL says where it is."
                % (self._url, getattr(broken, "reason", broken))
            ) from None

    def _refusal(self, refused):
        text = refused.read().decode("utf-8", "replace")
        try:
            problem = json.loads(text)
        except ValueError:
            return FanfareException("%s answered %d: %s" % (self._url, refused.code, text[:400]))
        lines = ["%s: %s" % (problem.get("code", refused.code), problem.get("detail") or problem.get("title", ""))]
        for error in problem.get("errors") or []:
            lines.append("  %s: %s %s" % (error.get("field"), error.get("message"), error.get("remedy", "")))
        if refused.code == 401:
            lines.append("  Set METAFLOW_FANFARE_TOKEN to the server's access token.")
        return (NotFound if refused.code == 404 else FanfareException)("\n".join(lines))


def _quoted(segment):
    return urllib.parse.quote(segment, safe="")
