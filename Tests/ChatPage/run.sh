#!/bin/sh
# Runs the chat page's browser tests. Without PAGE_URL they start the mock server; with it they drive that page, for example a demo:
#   PAGE_URL=http://127.0.0.1:8787/ Tests/ChatPage/run.sh
# CHROMIUM names the browser (default /usr/bin/chromium), SHOTS a folder for screenshots, VENV the folder of the Python packages.
set -eu
cd "$(dirname "$0")"
venv="${VENV:-.venv}"
if [ ! -x "$venv/bin/pytest" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement requirements.txt
fi
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/pytest" -q -p no:cacheprovider "$@"
