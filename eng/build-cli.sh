# Sourced by ./fanfare: builds src/Cli into a folder of its own and then points 'current' at it, so that a program that
# is running keeps the files it was started with.

# build_cli ROOT BUILD
build_cli() {
  local root=$1 build=$2
  mkdir -p "$build"
  exec 9>"$build/lock"
  if command -v flock >/dev/null 2>&1 && ! flock -n 9; then
    echo "fanfare: waiting for another build…" >&2
    flock 9
  fi
  # Another start may have built it meanwhile.
  if ! current; then compile "$root" "$build"; fi
  exec 9>&-
}

compile() {
  local root=$1 build=$2 out log=$2/build.log started=$SECONDS
  if ! dotnet --list-sdks 2>/dev/null | grep -q '^1[0-9]\.'; then
    echo "fanfare: the .NET 10 SDK is needed; 'dotnet --list-sdks' shows: $(dotnet --list-sdks 2>/dev/null | tr '\n' ';')" >&2
    echo "  Install it (https://dotnet.microsoft.com/download/dotnet/10.0) and start this again." >&2
    exit 2
  fi
  echo "fanfare: building (once)…" >&2
  # Sources that change while they are built count as newer.
  touch "$build/stamp.new"
  out=$build/$(date +%s).$$
  # Compiled ahead it starts faster; where the compiler for that cannot be had, it is left at that.
  if ! publish "$root" "$build" "$out" true >"$log" 2>&1 && ! { grep -qi 'crossgen\|NETSDK1094' "$log" && publish "$root" "$build" "$out" false >"$log" 2>&1; }; then
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

# publish ROOT BUILD OUT READY_TO_RUN
publish() {
  dotnet publish "$1/src/Cli" -c Release -o "$3" --artifacts-path "$2/artifacts" --use-current-runtime --no-self-contained \
    -p:PublishReadyToRun="$4" -p:TreatWarningsAsErrors=false -p:UseSharedCompilation=false -nodeReuse:false -nologo -v quiet 9>&-
}
