#!/usr/bin/env bash
# Metaflow's own tests for schedulers, against a server of its own. See --help.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)

usage() {
  cat <<'T'
usage: plugins/metaflow/acceptance.sh METAFLOW_SOURCE [SUITE] [PYTEST_ARGUMENT...]
  METAFLOW_SOURCE   a checkout of Metaflow, which has its tests
  SUITE             ux    test/ux/core, with --scheduler-type fanfare --exec-mode deployer
                    core  test/core: some 250 combinations of a graph and a test
                    all   one after the other; so it is without a suite, too
  PYTEST_ARGUMENT   given to pytest: -k BasicTag, -x, -n 8 (by default -n 2: two tests at a time)
Metaflow's local datastore and metadata lie in a temporary directory. It needs python3 with pytest, pytest-timeout, pytest-xdist, omegaconf and requests
(Debian: python3-pytest python3-pytest-timeout python3-pytest-xdist python3-omegaconf python3-requests).
What is known not to pass stands in plugins/metaflow/acceptance/known.txt, with the reasons. The exit code is 0 when nothing else failed.
T
}

if [[ ${1-} == -h || ${1-} == --help ]]; then usage; exit 0; fi
if [[ $# -lt 1 || ! -d ${1-}/test/ux/core || ! -d ${1-}/test/core ]]; then
  echo "acceptance.sh: name a checkout of Metaflow that has test/ux/core and test/core" >&2
  usage >&2
  exit 2
fi
source=$(cd "$1" && pwd)
shift
suites=(ux core)
case ${1-} in
  ux | core) suites=("$1"); shift ;;
  all) shift ;;
esac
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

# Nothing is written beside the sources, and nothing is compiled twice.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$place/pycache" PYTHONPATH="$source:$here"
export METAFLOW_FANFARE_URL="http://127.0.0.1:$port" METAFLOW_HOME="$place/home" METAFLOW_PROFILE= METAFLOW_USER=${METAFLOW_USER:-tester}
export METAFLOW_DEFAULT_METADATA=local METAFLOW_DEFAULT_DATASTORE=local

# run SUITE ARGUMENT...
run() {
  local suite=$1
  shift
  cd "$place/$suite"
  PYTHONPATH="$PYTHONPATH:$here/acceptance" METAFLOW_DATASTORE_SYSROOT_LOCAL="$place/$suite" \
    python3 -m pytest -p known -p no:cacheprovider --basetemp "$place/tests" --timeout 600 -q -n 2 "$@"
}

code=0
for suite in "${suites[@]}"; do
  echo "Metaflow's test/$suite:"
  cp -r "$source/test/$suite" "$place/$suite"
  if [[ $suite == ux ]]; then
    # Metaflow looks for cards from the working directory upwards.
    mkdir "$place/ux/.metaflow"
    # A retry waits two minutes, unless a flow says otherwise.
    run ux core/test_{basic,compliance,dag,decorators,lifecycle,config,resume}.py --scheduler-type fanfare --exec-mode deployer "$@" || code=$?
  else
    cp "$here/acceptance/core.py" "$place/core"
    # Extensions that a test wants to be installed; it is enough that Python finds them.
    for extension in "$source"/test/extensions/packages/*/; do PYTHONPATH+=":${extension%/}"; done
    run core core.py --dist loadgroup "$@" || code=$?
  fi
done
exit "$code"
