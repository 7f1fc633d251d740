#!/usr/bin/env bash
# Runs every test there is, in the order that finds mistakes soonest.
# Parts that need root or a tool say so in a sentence and are skipped elsewhere.
set -uo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
export MURAL_BIN="$PWD/bin/mural"

passed=0
failed=0
skipped=0
failures=()

part() { # name, command...
	local name=$1
	shift
	local start=$SECONDS
	echo "== $name"
	if "$@"; then
		passed=$((passed + 1))
		echo "-- $name: ok ($((SECONDS - start)) s)"
	else
		failed=$((failed + 1))
		failures+=("$name")
		echo "-- $name: FAILED ($((SECONDS - start)) s)"
	fi
}

skip() {
	skipped=$((skipped + 1))
	echo "-- $1: skipped: $2"
}

formatted() { local files; files=$(git ls-files '*.go' | xargs gofmt -l); [ -z "$files" ] || { echo "gofmt would change: $files"; return 1; }; }
# The stories have a part of their own below.
unit() { go test $(go list ./... | grep -v /internal/stories); }
race() { CGO_ENABLED=1 go test -race -short "$@"; }

part "format" formatted
part "vet" go vet ./...
part "staticcheck" go tool staticcheck ./...
part "unit, conformance, fuzz seeds" unit
if command -v gcc >/dev/null; then
	part "race" race ./event ./store ./blob ./node ./relay ./web ./keys
else
	skip "race" "the race detector needs gcc: apt install gcc"
fi
part "static builds" make -s cross
part "oracle: go-nostr in its own module" ./internal/oracle.sh
if command -v npm >/dev/null; then
	part "third-party clients: nostr-tools, NDK" ./internal/clients.sh
	part "types of the app" sh -c 'cd ui && npx --no-install tsc --noEmit -p .'
else
	skip "third-party clients" "they need node and npm: apt install npm"
fi
if [ "$(id -u)" = 0 ] && command -v ip >/dev/null; then
	part "stories: three nodes in three namespaces" go test -count=1 -timeout 10m ./internal/stories
else
	skip "stories" "network namespaces need root and iproute2"
fi
if command -v chromium >/dev/null && command -v npm >/dev/null; then
	part "stories in the browser" ./internal/browser.sh
else
	skip "stories in the browser" "they need chromium and npm"
fi

for f in "${failures[@]}"; do echo "FAILED: $f"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
