# shellcheck shell=bash
# Shared by the scripts in this folder: messages, timing, the cache folder, locks, packages.
# To be sourced. Everything for people goes to stderr; stdout belongs to the script's answer.

set -euo pipefail
shopt -s inherit_errexit

hack=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # used by the scripts that source this file
checkout=$(dirname "$hack")
cache=${BACKSTAGE_BUILD_CACHE:-${HOME:-/tmp}/.cache/backstage-build}
logs=$cache/logs
mkdir -p "$logs" "$cache/locks"

# The releases that are built when nothing else is asked for; go/ holds their lockfiles.
# shellcheck disable=SC2034
default_buildkit=0.34.2 default_buildx=0.38.2

# Where packages come from.
# shellcheck disable=SC2034
npm_registry=${npm_config_registry:-https://registry.npmjs.org}
npm_registry=${npm_registry%/}

# say TEXT...: one line for the person who watches.
say() { printf '%s\n' "$*" >&2; }

# fail WHAT [HINT...]: end with what went wrong and, on lines of their own, what to do about it.
fail() {
  say "error: $1"
  shift
  local hint
  for hint in "$@"; do say "  $hint"; done
  exit 1
}

# now: seconds since the epoch, with milliseconds.
now() { date +%s.%3N; }

# since START: the seconds that have passed since then, with one decimal.
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }

# step LABEL COMMAND...: run it quietly, say how long it took; when it fails, show the end of its output.
# The command may be a function; it runs in a subshell of its own under `set -e`, which holds only as
# long as step itself is not called in a condition.
step() {
  local _label=$1 _start _log _status _told
  shift
  _log=$(mktemp "$logs/$(printf '%s' "$_label" | tr -c 'A-Za-z0-9._-' '_').XXXXXX")
  _start=$(now)
  say "  $_label ..."
  # Who waits longer than a minute is told what for, and where to look. Nothing of it outlives the step but one idle sleep.
  (
    while sleep 60 &>/dev/null 9>&- && kill -0 $$ 2>/dev/null; do
      say "  $_label: $(since "$_start") s so far; its output is in $_log"
    done
  ) </dev/null >/dev/null 9>&- &
  _told=$!
  set +e
  (
    set -e
    "$@"
  ) >"$_log" 2>&1 </dev/null
  _status=$?
  set -e
  kill "$_told" 2>/dev/null || true
  wait "$_told" 2>/dev/null || true
  if ((_status != 0)); then
    tail -n 30 "$_log" | sed 's/^/  | /' >&2
    fail "$_label: failed after $(since "$_start") s (exit $_status)" "the whole output is in $_log"
  fi
  rm -f "$_log"
  say "  $_label: $(since "$_start") s"
}

# locked NAME COMMAND...: one process at a time; others wait. Daemons must close fd 9 (see daemon.sh).
locked() {
  local _lock=$1
  shift
  (
    flock -n 9 || { say "  waiting for another process ($_lock)"; flock 9; }
    "$@"
  ) 9>"$cache/locks/$_lock"
}

# have COMMAND...: are they all there?
have() {
  local command
  for command in "$@"; do command -v "$command" >/dev/null || return 1; done
}

# need COMMAND[:PACKAGE]...: install the Debian packages of the commands that are missing, when we may.
need() {
  local entry missing=()
  for entry in "$@"; do have "${entry%%:*}" || missing+=("${entry##*:}"); done
  ((${#missing[@]})) || return 0
  if ! have apt-get || [[ $(id -u) != 0 ]]; then
    fail "missing: ${missing[*]}" "install these packages, or run as root on Debian or Ubuntu so that this script can"
  fi
  locked apt install_packages "${missing[@]}"
}

install_packages() {
  say "installing packages: $*"
  step "apt-get update" apt-get update
  step "apt-get install $*" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# fetch URL FILE: download whole or not at all.
fetch() {
  mkdir -p "$(dirname "$2")"
  curl --fail --silent --show-error --location --retry 3 --connect-timeout 15 -o "$2.part" "$1" && mv "$2.part" "$2"
}

# free_port PREFERRED: that port if nothing listens on it, otherwise the next one that is free.
free_port() {
  local port
  for ((port = $1; port < $1 + 200; port++)); do
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  fail "no free port from $1 on"
}
