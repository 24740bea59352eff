#!/bin/sh
# No init runs in a sandbox, so no package may start its service.
exit 101
