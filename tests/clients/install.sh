#!/bin/sh
# Installs the clients that tests drive, under target/clients. What cannot be installed is left out, and its tests say so.
set -u
cd "$(dirname "$0")/../.." || exit 1
into=target/clients
if command -v python3 >/dev/null; then
    { test -x $into/python/bin/python || python3 -m venv $into/python; } &&
        $into/python/bin/pip install --quiet --disable-pip-version-check --requirement tests/clients/requirements.txt ||
        echo "the Python clients could not be installed; their tests will be left out"
else
    echo "python3 is not there; the tests of the Python clients will be left out"
fi
if command -v npm >/dev/null; then
    mkdir -p $into && cp tests/clients/package.json $into/ &&
        npm install --silent --no-audit --no-fund --no-package-lock --prefix $into ||
        echo "the Node clients could not be installed; their tests will be left out"
else
    echo "npm is not there; the tests of the Node clients will be left out"
fi
exit 0
