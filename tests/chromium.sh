#!/bin/sh
# Finds Chromium on the PATH, or installs it with apt where that is allowed, or says what to do.
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if command -v apt-get >/dev/null 2>&1; then
  as_root=""
  [ "$(id -u)" = 0 ] || as_root="sudo -n"
  if $as_root true 2>/dev/null; then
    echo "Installing Chromium for the browser tests (apt-get) …"
    $as_root apt-get update -qq >/dev/null && $as_root apt-get install -y -qq chromium >/dev/null && exit 0
  fi
fi
echo "The browser tests need Chromium: none is on the PATH and it could not be installed with apt." >&2
echo "Install Chromium or Google Chrome with your system's package manager and run 'make test' again." >&2
exit 1
