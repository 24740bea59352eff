#!/bin/bash
# Runs inside the base stage's tree, after its packages, files and programs are in place.
set -euo pipefail

ln -sf /usr/bin/python3 /usr/local/bin/python
ln -sf ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ln -sf ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ln -sf bun /usr/local/bin/bunx
for name in banata-complete-task banata-limits sudo apt-get; do ln -sf "/opt/banata/bin/$name" "/usr/local/bin/$name"; done
# The same script, which looks at its name.
ln -sf /opt/banata/bin/apt-get /usr/local/bin/apt
ln -sf /proc/mounts /etc/mtab

useradd --system --uid 900 --user-group --create-home --home-dir /home/desktop --shell /usr/sbin/nologin desktop
useradd --uid 1000 --user-group --create-home --home-dir /home/user --shell /bin/bash user
install -d -m 0700 -o desktop -g desktop /home/desktop
install -d -m 0755 -o user -g user /home/user /workspace
install -d -m 0755 -o user -g user /home/user/.local /home/user/.local/bin
install -d -m 0755 -o root -g root /opt /opt/banata

# A first `go run` would compile the standard library for seconds, so the usual packages of it are there already.
# Go empties its cache of what was not used for five days, and writes to what it uses: a time ahead prevents both.
as_user() { HOME=/home/user setpriv --reuid user --regid user --init-groups "$@"; }
as_user go build archive/zip bufio bytes compress/gzip context crypto/sha256 database/sql embed encoding/base64 \
  encoding/csv encoding/hex encoding/json encoding/xml errors flag fmt html/template io log log/slog math/big math/rand \
  net net/http net/url os os/exec os/signal path/filepath regexp slices sort strconv strings sync testing text/template \
  time unicode
find /home/user/.cache/go-build -type f -exec touch --date=2100-01-01 {} +
