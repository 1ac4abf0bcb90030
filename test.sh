#!/usr/bin/env bash
# Builds everything with warnings as errors and runs all tests. See --help.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
source eng/test.sh
main "$@"
