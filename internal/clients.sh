#!/usr/bin/env bash
# nostr-tools and NDK against a real node.
set -euo pipefail
cd "$(dirname "$0")"
source ./onenode.sh
start_node --open
cd clients
MURAL_RELAY="$NODE_WS" timeout 180 node --test --test-reporter=spec --test-timeout=60000 --test-force-exit
