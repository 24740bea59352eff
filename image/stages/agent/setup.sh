#!/bin/bash
# Runs inside the agent stage's tree: fails the build when a program does not start at all.
set -euo pipefail

HOME=/tmp/check /usr/local/bin/opencode --version
/usr/local/bin/node /opt/mcp/node_modules/@playwright/mcp/cli.js --version
