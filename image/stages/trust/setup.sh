#!/bin/bash
# Runs inside the trust stage's tree: puts the operator's certificates into the system's store.
set -euo pipefail

update-ca-certificates
