#!/bin/bash
# Runs inside the documents stage's tree, after its packages and files are in place.
set -euo pipefail

ln -sf /opt/banata/bin/banata-convert /usr/local/bin/banata-convert

# The stage brings fonts of its own.
fc-cache --really-force --system-only

# Fails the build when the office does not start, or a program is missing.
cd "$(mktemp --directory)"
echo 'works' >check.txt
HOME=$PWD soffice --headless --convert-to pdf check.txt
pdftotext check.pdf - | grep --quiet works
cmark-gfm --to html check.txt
