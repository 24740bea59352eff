#!/bin/bash
# Runs inside the desktop stage's tree, after its packages and files are in place.
set -euo pipefail

# Font look-ups must not pay for a scan of a thousand files in every fresh sandbox.
fc-cache --really-force --system-only
# The X server makes its socket here, and only root may make the directory.
install -d -m 1777 /tmp/.X11-unix
# The same for the list of fonts that a user's first plot would otherwise make.
HOME=/home/user setpriv --reuid user --regid user --init-groups python3 -c 'import matplotlib.font_manager'
