# Sourced by ./fanfare: builds src/Cli (or src/Silo) into a folder of its own and then points 'current' at it, so that a program that
# is running keeps the files it was started with.

# build_cli ROOT BUILD PROJECT
build_cli() {
  local root=$1 build=$2 project=$3
  mkdir -p "$build"
  exec 9>"$build/lock"
  if command -v flock >/dev/null 2>&1 && ! flock -n 9; then
    echo "fanfare: waiting for another build…" >&2
    flock 9
  fi
  # Another start may have built it meanwhile.
  if ! current; then compile "$root" "$build" "$project"; fi
  exec 9>&-
}

compile() {
  local root=$1 build=$2 project=$3 out log=$2/build.log started=$SECONDS
  if ! dotnet --list-sdks 2>/dev/null | grep -q '^1[0-9]\.'; then
    echo "fanfare: the .NET 10 SDK is needed; 'dotnet --list-sdks' shows: $(dotnet --list-sdks 2>/dev/null | tr '\n' ';')" >&2
    echo "  Install it (https://dotnet.microsoft.com/download/dotnet/10.0) and start this again." >&2
    exit 2
  fi
  echo "fanfare: building (once)…" >&2
  if [[ $project == Silo ]] && ! find_orleans "$root" "$log"; then
    cat "$log" >&2
    echo "fanfare: a silo needs the packages of Microsoft Orleans, which do not restore here" >&2
    echo "  Name a NuGet source that has them in FANFARE_NUGET_SOURCE and start this again, or run one server: ./fanfare serve" >&2
    exit 2
  fi
  # Sources that change while they are built count as newer.
  touch "$build/stamp.new"
  out=$build/$(date +%s).$$
  # Compiled ahead it starts faster; where the compiler for that cannot be had, it is left at that.
  if ! publish "$root" "$build" "$project" "$out" true >"$log" 2>&1 && ! { grep -qi 'crossgen\|NETSDK1094' "$log" && publish "$root" "$build" "$project" "$out" false >"$log" 2>&1; }; then
    cat "$log" >&2
    echo "fanfare: the build failed; its log is above and in $log" >&2
    rm -rf "$out"
    exit 2
  fi
  ln -sfn "${out##*/}" "$build/current"
  mv "$build/stamp.new" "$build/stamp"
  # The last builds stay for programs that still run from them.
  find "$build" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*.[0-9]*' | sort | head -n -3 | while read -r old; do rm -rf "$old"; done
  echo "fanfare: built in $((SECONDS - started)) s" >&2
}

# find_orleans ROOT LOG
find_orleans() {
  dotnet msbuild "$1/Directory.Solution.targets" -t:FindOrleans -nologo -v:quiet >"$2" 2>&1 9>&- && [[ -e $1/.build/orleans.props ]]
}

# publish ROOT BUILD PROJECT OUT READY_TO_RUN
publish() {
  dotnet publish "$1/src/$3" -c Release -o "$4" --artifacts-path "$2/artifacts" --use-current-runtime --no-self-contained \
    -p:PublishReadyToRun="$5" -p:TreatWarningsAsErrors=false -p:UseSharedCompilation=false -nodeReuse:false -nologo -v quiet 9>&-
}
