#!/usr/bin/env bash
# go-nostr, in a module of its own, reads what we write and is a client of a
# real node.
set -euo pipefail
cd "$(dirname "$0")"
source ./onenode.sh
start_node --open
cd oracle/nostr
MURAL_RELAY="$NODE_WS" go test -count=1 ./...
