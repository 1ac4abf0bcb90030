# Sourced by ./test.sh.

usage() {
  cat <<'T'
usage: ./test.sh [FILTER] [--long] [--no-build]
  FILTER      run only tests whose full name contains it, as in: ./test.sh Cli.Tests.PackageTests
  --long      also run the long forms of tests (sets FANFARE_LONG=1)
  --no-build  use what was built before
The last line is 'N passed, N failed', and ', N skipped' when tests were skipped. Exit code 1 when a test failed or none ran.
T
}

main() {
  local filter= build=1 argument
  for argument in "$@"; do
    case $argument in
      --long) export FANFARE_LONG=1 ;;
      --no-build) build=0 ;;
      -h | --help) usage; return 0 ;;
      -*) echo "test.sh: there is no option $argument" >&2; usage >&2; return 2 ;;
      *) if [[ -n $filter ]]; then echo "test.sh: only one filter can be given" >&2; return 2; fi; filter=$argument ;;
    esac
  done
  if [[ $filter =~ [^A-Za-z0-9_.+-] ]]; then
    echo "test.sh: the filter may have letters, digits, '.', '_', '+' and '-'" >&2
    return 2
  fi
  require_dotnet || return 2
  if ((build)); then build_all || return 1; fi
  run_all "$filter"
}

require_dotnet() {
  if dotnet --list-sdks 2>/dev/null | grep -q '^1[0-9]\.'; then return 0; fi
  echo "test.sh: the .NET 10 SDK is needed. Install it (https://dotnet.microsoft.com/download/dotnet/10.0) so that 'dotnet' is on the PATH." >&2
  return 1
}

build_all() {
  local started=$SECONDS
  echo "Building Scheduler.sln, warnings as errors…"
  # What the package source says of versions and audits is no fault of a change.
  if ! dotnet build Scheduler.sln -c Release -warnaserror '-warnnotaserror:NU1603;NU1901;NU1902;NU1903;NU1904' -nologo -v quiet -nodeReuse:false; then
    echo "test.sh: the build failed" >&2
    return 1
  fi
  echo "Built in $((SECONDS - started)) s"
}

# One project after another: the machine may be small, and some tests measure time.
run_all() {
  local filter=$1 project name started status options
  results=$(mktemp -d)
  trap 'rm -rf "$results"' EXIT
  while read -r project; do
    name=$(basename "$project" .csproj)
    if left_out "$project"; then
      echo "$name: left out, since the packages of Microsoft Orleans do not restore here"
      continue
    fi
    started=$SECONDS
    options=()
    [[ -n $filter ]] && options=(--filter "FullyQualifiedName~$filter")
    dotnet test "$project" -c Release --no-build --nologo -v quiet --results-directory "$results" \
      --logger "trx;LogFileName=$name.trx" "${options[@]}" >"$results/$name.log" 2>&1
    status=$?
    python3 eng/test_results.py project "$results" "$name" "$status" "$((SECONDS - started))"
  done < <(test_projects)
  python3 eng/test_results.py total "$results"
}

# Projects that need Orleans are left out where the build found that it cannot be had (Directory.Solution.targets).
left_out() {
  grep -q 'eng/Orleans.props' "$1" && ! [[ -e .build/orleans.props ]]
}

# The solution's test projects, in its order.
test_projects() {
  sed -n 's/^Project(.*"\(tests[\\/][^"]*\.csproj\)".*/\1/p' Scheduler.sln | tr '\\' '/'
}
