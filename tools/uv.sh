#!/bin/sh
# Runs uv:  sh tools/uv.sh ARGUMENTS   (in the course's folder)
# The uv on the PATH, else a copy of our own in .uv, which the pip of any Python from 3.8 on can fetch.

# Trust the certificates that the machine trusts, as pip does: behind some universities' proxies it takes that.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
command -v uv >/dev/null && exec uv "$@"
[ -x .uv/bin/uv ] && exec .uv/bin/uv "$@"

# In a folder of its own, because the Pythons of Debian and others refuse to install into themselves. Where pip is
# missing, as on Arch and some Fedoras, an environment may have it all the same.
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
no_uv() { echo "pip could not fetch uv: the lines above say why. It needs the network, this once." >&2; exit 1; }
pythons=
for python in ${PYTHON:+"$PYTHON"} python3 python python3.13 python3.12 python3.11 python3.10 python3.9 python3.8; do
  "$python" -c "import sys; sys.exit(sys.version_info < (3, 8))" >/dev/null 2>&1 || continue
  pythons="$pythons $python"
  rm -rf .uv
  if "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip install --quiet --target .uv uv || no_uv
  elif "$python" -m venv .uv >/dev/null 2>&1; then
    .uv/bin/python -m pip install --quiet uv || no_uv
  else
    continue
  fi
  exec .uv/bin/uv "$@"
done

rm -rf .uv
if [ -n "$pythons" ]; then
  echo "None of the Pythons here ($(echo $pythons)) has pip: install it (apt install python3-pip, dnf install" \
    "python3-pip), or uv (https://docs.astral.sh/uv), and call make again."
else
  echo "There is no Python here, from 3.8 on: install one with pip (apt install python3-pip, dnf install python3-pip," \
    "brew install python, winget install Python.Python.3.13), or uv (https://docs.astral.sh/uv), and call make again."
fi >&2
exit 1
