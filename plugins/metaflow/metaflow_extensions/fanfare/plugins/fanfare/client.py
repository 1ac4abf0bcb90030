"""The server's API, as far as the plugin needs it, with the standard library alone."""

import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

from metaflow.exception import MetaflowException
from metaflow.metaflow_config_funcs import from_conf


class FanfareException(MetaflowException):
    headline = "Fanfare error"


class NotFound(FanfareException):
    headline = "Not found on Fanfare"


class Unavailable(FanfareException):
    """No server answered, or none that could serve now: the same call may go through later."""

    headline = "Fanfare is not available"


# What the API says of itself: repeat it (docs/api.md). 502 and 504 are a proxy's.
_LATER = (429, 502, 503, 504)


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
    patience : float, default 0
        Seconds for which a call is repeated while no server can serve it. For calls that may be made twice only: what starts a run needs a key then.
    on_wait : callable, optional
        Called with the refusal when a call is to be repeated, once for each call.
    """

    # A query of the server's own takes 15 s at most, a command 30 s.
    _TIMEOUT_SECONDS = 40

    # Between two tries of a call, growing.
    _PAUSES_SECONDS = (0.2, 5)

    # Of a log that is followed: how long nothing may come before the caller is to look at the run.
    _QUIET_SECONDS = 15

    def __init__(self, url=None, token=None, actor=None, patience=0, on_wait=None):
        self._url = (url or server_url()).rstrip("/")
        self._token = token or server_token()
        self._actor = actor
        self._patience = patience
        self._on_wait = on_wait

    @property
    def url(self):
        return self._url

    def check(self):
        """Nothing when the server can be reached and lets us in; else raises what a call would."""
        self._json("GET", "/api/v1/flows?limit=1")

    # --- flows

    def upload(self, package):
        """Stores a code package (bytes of a tar.gz), unless it is there; returns its SHA-256."""
        digest = hashlib.sha256(package).hexdigest()
        path = "/api/v1/packages/%s" % digest
        if self._call("HEAD", path, missing=True) is None:
            self._call("PUT", path, body=package, content_type="application/octet-stream")
        return digest

    def deploy(self, source, package):
        """Deploys a spec (JSON text) with a code package (bytes of a tar.gz); returns what the server says of the deployment."""
        return self.deploy_uploaded(source, self.upload(package))

    def deploy_uploaded(self, source, digest):
        """As `deploy`, with a package that was uploaded. The same spec and package again are the deployment that is there."""
        return self._json("POST", "/api/v1/flows", {"source": source, "package": digest})

    def flow(self, name):
        """The latest deployment of a flow; None when there is none."""
        return self._json("GET", "/api/v1/flows/%s" % _quoted(name), missing=True)

    def deployment(self, flow, version):
        """One deployment of a flow, with `deleted_at` where the flow was deleted; None when there is none."""
        return self._json("GET", "/api/v1/flows/%s/deployments/%d" % (_quoted(flow), version), missing=True)

    def delete(self, flow, deployment):
        """Deletes a flow of which this is the latest deployment; its runs go on, and stay. Raises when another was deployed since."""
        return self._json("DELETE", "/api/v1/flows/%s?deployment=%d" % (_quoted(flow), deployment))

    def flows(self):
        """The latest deployment of each flow."""
        return self._pages("/api/v1/flows", {})

    # --- runs

    def start(self, flow, parameters, deployment=None, tags=(), key=None):
        """Starts a run; returns its id.

        Parameters
        ----------
        deployment : int, optional
            Which of the flow's; by default the latest.
        tags : sequence of str
            The run's.
        key : str, optional
            Whoever starts a run of the flow with the same key is given the run that the first one started.
        """
        asked = {"parameters": parameters, "deployment": deployment, "tags": list(tags) or None, "idempotency_key": key}
        return self._json("POST", "/api/v1/flows/%s/runs" % _quoted(flow), {name: value for name, value in asked.items() if value is not None})["run"]

    def run(self, run):
        """A run; None when there is none of this id."""
        return self._json("GET", "/api/v1/runs/%s" % _quoted(run), missing=True)

    def runs(self, flow, **only):
        """The runs of a flow, newest first; `tag`, `active` and the like leave out others."""
        return self._pages("/api/v1/runs", dict(only, flow=flow))

    def command(self, run, verb, body=None):
        return self._json("POST", "/api/v1/runs/%s:%s" % (_quoted(run), verb), body or {})

    def steps(self, run):
        return self._pages("/api/v1/runs/%s/steps" % _quoted(run), {})

    def task(self, run, task):
        """A task; None when there is none of this name (yet)."""
        return self._json("GET", self._task_path(run, task), missing=True)

    def explain(self, run, task):
        """What a task waits for, in words; None when there is none of this name (yet)."""
        return self._json("GET", self._task_path(run, task) + "/explain", missing=True)

    # --- logs

    def log(self, run, task):
        """Lines of the log of a task's latest attempt."""
        return self._call("GET", self._task_path(run, task) + "/logs", accept="text/plain").decode("utf-8", "replace").splitlines()

    def log_from(self, run, task, attempt, position):
        """What an attempt's log has from a byte on, as lines of JSON (bytes); empty when there is no such attempt."""
        path = "%s/logs?attempt=%d&from=%d" % (self._task_path(run, task), attempt, position)
        return _whole_lines(self._call("GET", path, accept="application/x-ndjson", missing=True) or b"")

    def follow_log(self, run, task, attempt, position):
        """As `log_from`, line by line as they come.

        It ends when the attempt has ended; but also when nothing came for a while, when the attempt has not begun, or when the server stops: ask for the run, and go on
        after the bytes that came. That the server cannot be reached is such an end, too.
        """
        path = "%s/logs?attempt=%d&from=%d&follow=true" % (self._task_path(run, task), attempt, position)
        try:
            with urllib.request.urlopen(self._request("GET", path, None, None, "application/x-ndjson"), timeout=self._QUIET_SECONDS) as response:
                for line in response:
                    if not line.endswith(b"\n"):
                        return
                    yield line
        except urllib.error.HTTPError as refused:
            if refused.code != 404 and refused.code not in _LATER:
                raise self._refusal(refused) from None
        except (OSError, http.client.HTTPException):
            return

    @staticmethod
    def _task_path(run, task):
        return "/api/v1/runs/%s/tasks/%s" % (_quoted(run), _quoted(task))

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
        until = time.monotonic() + self._patience
        pause, longest = self._PAUSES_SECONDS
        waits = False
        while True:
            try:
                return self._once(method, path, body, content_type, accept, missing)
            except Unavailable as refusal:
                if time.monotonic() + pause >= until:
                    raise
                if self._on_wait and not waits:
                    self._on_wait(refusal)
                waits = True
            time.sleep(pause)
            pause = min(longest, pause * 2)

    def _once(self, method, path, body, content_type, accept, missing):
        try:
            with urllib.request.urlopen(self._request(method, path, body, content_type, accept), timeout=self._TIMEOUT_SECONDS) as response:
                return response.read()
        except urllib.error.HTTPError as refused:
            if refused.code == 404 and missing:
                return None
            raise self._refusal(refused) from None
        except (OSError, http.client.HTTPException) as broken:
            raise Unavailable(
                "The Fanfare server at %s cannot be reached: %s. Is it running (fanfare serve)? METAFLOW_FANFARE_URL says where it is."
                % (self._url, getattr(broken, "reason", broken))
            ) from None

    def _request(self, method, path, body, content_type, accept):
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        if self._token:
            headers["Authorization"] = "Bearer %s" % self._token
        if self._actor:
            headers["X-Fanfare-Actor"] = self._actor.encode("ascii", "replace").decode("ascii")[:128]
        return urllib.request.Request(self._url + path, data=body, headers=headers, method=method)

    def _refusal(self, refused):
        text = refused.read().decode("utf-8", "replace")
        kind = NotFound if refused.code == 404 else Unavailable if refused.code in _LATER else FanfareException
        try:
            problem = json.loads(text)
        except ValueError:
            return kind("%s answered %d: %s" % (self._url, refused.code, text[:400]))
        lines = ["%s: %s" % (problem.get("code", refused.code), problem.get("detail") or problem.get("title", ""))]
        for error in problem.get("errors") or []:
            lines.append("  %s: %s %s" % (error.get("field"), error.get("message"), error.get("remedy", "")))
        if refused.code == 401:
            lines.append("  Set METAFLOW_FANFARE_TOKEN to the server's access token.")
        return kind("\n".join(lines))


def _quoted(segment):
    return urllib.parse.quote(segment, safe="")


def _whole_lines(content):
    return [line + b"\n" for line in content.split(b"\n")[:-1]]
