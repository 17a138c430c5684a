#!/bin/sh
# Runs published Python packages, unmodified: two SDKs of the long connection against the simulator, and wechatpy, which
# speaks callbacks, against the program itself.
#
#   SIMULATOR_CMD  command that starts a simulator; options are added to it
#                  (default: the debug build of this repository)
#   PROGRAM        the program that answers callbacks (default: the debug build of this repository)
#   SDKS           which to run (default: "official community wechatpy")
#
# Needs python3 with venv and PyPI. Further arguments go to pytest.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
: "${SIMULATOR_CMD:=$root/.build/debug/wecom-aibot simulate}"
: "${PROGRAM:=$root/.build/debug/wecom-aibot}"
export SIMULATOR_CMD PROGRAM PYTHONDONTWRITEBYTECODE=1

for sdk in ${SDKS:-official community wechatpy}; do
    venv=".venv-$sdk"
    if [ ! -x "$venv/bin/pytest" ]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "requirements-$sdk.txt"
    fi
    tests=test_sdk.py
    if [ "$sdk" = wechatpy ]; then tests=test_wechatpy.py; fi
    echo "== $sdk =="
    WECOM_SDK="$sdk" "$venv/bin/pytest" -q -p no:cacheprovider "$@" "$tests"
done
