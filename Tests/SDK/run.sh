#!/bin/sh
# Runs two published Python SDKs, unmodified, against the simulator.
#
#   SIMULATOR_CMD  command that starts a simulator; options are added to it
#                  (default: the debug build of this repository)
#   SDKS           which to run (default: "official community")
#
# Needs python3 with venv and PyPI. Further arguments go to pytest.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
: "${SIMULATOR_CMD:=$root/.build/debug/wecom-aibot simulate}"
export SIMULATOR_CMD PYTHONDONTWRITEBYTECODE=1

for sdk in ${SDKS:-official community}; do
    venv=".venv-$sdk"
    if [ ! -x "$venv/bin/pytest" ]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "requirements-$sdk.txt"
    fi
    echo "== $sdk SDK =="
    WECOM_SDK="$sdk" "$venv/bin/pytest" -q -p no:cacheprovider "$@" .
done
