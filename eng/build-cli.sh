# Sourced by ./fanfare: builds src/Cli into a folder of its own and then points 'current' at it, so that a program that
# is running keeps the files it was started with.

# build_cli ROOT BUILD
build_cli() {
  local root=$1 build=$2
  mkdir -p "$build"
  exec 9>"$build/lock"
  if ! flock -n 9; then
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
  if ! dotnet publish "$root/src/Cli" -c Release -o "$out" --artifacts-path "$build/artifacts" --use-current-runtime --no-self-contained \
    -p:TreatWarningsAsErrors=false -nologo -v quiet 9>&- >"$log" 2>&1; then
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
