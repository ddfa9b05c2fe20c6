# shellcheck shell=bash
# Background processes that outlive make. Each has a folder with pid, log and what identifies the
# process (its start time and the boot it runs under), so that a number that was reused after a
# kill or a reboot is never taken for ours. To be sourced after lib.sh.

# process_identity PID: boot and start time of a process; fails when it is gone.
process_identity() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The command name may hold blanks and brackets: count fields from behind it. A zombie is gone.
  read -r -a stat <<<"${stat##*) }"
  [[ ${stat[0]} != Z ]] || return 1
  echo "$(cat /proc/sys/kernel/random/boot_id) ${stat[19]}"
}

# daemon_pid FOLDER: the pid of the process started there, if it still runs and is still that one.
daemon_pid() {
  local pid identity
  read -r pid identity 2>/dev/null <"$1/pid" || return 1
  [[ $(process_identity "$pid") == "$identity" ]] || return 1
  echo "$pid"
}

# daemon_start FOLDER COMMAND...: start in the background, free of this shell, its terminal and its locks.
daemon_start() {
  local folder=$1 pid
  shift
  setsid nohup "$@" >>"$folder/log" 2>&1 </dev/null 9>&- &
  pid=$!
  disown "$pid"
  echo "$pid $(process_identity "$pid")" >"$folder/pid"
}

# daemon_gone PID SECONDS: wait for the end of a process.
daemon_gone() {
  local tries
  for ((tries = 0; tries < $2 * 10; tries++)); do
    process_identity "$1" >/dev/null || return 0
    sleep 0.1
  done
  return 1
}

# daemon_stop FOLDER [SIGNAL]: ask it to end (TERM), insist after ten seconds, forget it.
daemon_stop() {
  local pid
  if pid=$(daemon_pid "$1"); then
    kill -"${2:-TERM}" "$pid" 2>/dev/null || true
    if ! daemon_gone "$pid" 10; then
      kill -9 "$pid" 2>/dev/null || true
      daemon_gone "$pid" 10 || true
    fi
  fi
  rm -f "$1/pid"
}

# daemon_wait FOLDER SECONDS COMMAND...: until the command succeeds; shows the log when it does not.
daemon_wait() {
  local folder=$1 limit=$2 tries
  shift 2
  for ((tries = 0; tries < limit * 5; tries++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    daemon_pid "$folder" >/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$folder/log" | sed 's/^/  | /' >&2
  return 1
}
