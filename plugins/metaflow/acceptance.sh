#!/usr/bin/env bash
# Metaflow's own tests for schedulers, against a server of its own. See --help.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)

usage() {
  cat <<'T'
usage: plugins/metaflow/acceptance.sh METAFLOW_SOURCE [PYTEST_ARGUMENT...]
  METAFLOW_SOURCE   a checkout of Metaflow, which has its tests
Runs test/ux/core with --scheduler-type fanfare --exec-mode deployer, with Metaflow's local datastore and metadata in a temporary directory. It needs
python3 with pytest, pytest-timeout, pytest-xdist, omegaconf and requests (Debian: python3-pytest python3-pytest-timeout python3-pytest-xdist python3-omegaconf python3-requests).
Known not to pass: test_hello_conda wants conda's channels; test_schedule_deploy wants @schedule, which is refused at the deployment.
T
}

if [[ ${1-} == -h || ${1-} == --help ]]; then usage; exit 0; fi
if [[ $# -lt 1 || ! -d ${1-}/test/ux/core ]]; then
  echo "acceptance.sh: name a checkout of Metaflow that has test/ux/core" >&2
  usage >&2
  exit 2
fi
source=$(cd "$1" && pwd)
shift
missing=$(python3 - <<'P'
import importlib.util
print(" ".join(name for name in ("pytest", "pytest_timeout", "xdist", "omegaconf", "requests") if importlib.util.find_spec(name) is None))
P
)
if [[ -n $missing ]]; then
  echo "acceptance.sh: python3 lacks: $missing" >&2
  exit 2
fi

place=$(mktemp -d)
server=
finish() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$place"
}
trap finish EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$here/../../fanfare" serve --data "$place/data" --port "$port" >"$place/server.log" 2>&1 &
server=$!
for ((i = 0; i < 600; i++)); do
  if python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/readyz', timeout=1)" 2>/dev/null; then break; fi
  if ! kill -0 "$server" 2>/dev/null; then cat "$place/server.log" >&2; exit 1; fi
  sleep 0.5
done

export PYTHONPATH="$source:$here" PYTHONDONTWRITEBYTECODE=1
export METAFLOW_FANFARE_URL="http://127.0.0.1:$port" METAFLOW_HOME="$place/home" METAFLOW_PROFILE= METAFLOW_USER=${METAFLOW_USER:-tester}
export METAFLOW_DEFAULT_METADATA=local METAFLOW_DEFAULT_DATASTORE=local METAFLOW_DATASTORE_SYSROOT_LOCAL="$place/ux"
# Metaflow looks for cards from the working directory upwards.
cp -r "$source/test/ux" "$place/ux"
mkdir "$place/ux/.metaflow"
cd "$place/ux"
# A retry waits two minutes, unless a flow says otherwise.
python3 -m pytest core/test_{basic,compliance,dag,decorators,lifecycle,config,resume}.py --scheduler-type fanfare --exec-mode deployer -p no:cacheprovider --timeout 600 -q "$@"
