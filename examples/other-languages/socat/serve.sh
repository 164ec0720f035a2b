#!/bin/sh
# One socat for each connection. `systemd-socket-activate` accepts them: like any other program it takes the sockets that
# LISTEN_FDS counts, and LISTEN_PID names the one that they are for. (The socat of Debian 12 has no address for such a socket.)
lock=$(mktemp)
# It would take its children with it when it ends; setpriv forbids that.
sh -c 'LISTEN_PID=$$ exec "$@"' sh systemd-socket-activate --accept --inetd \
  setpriv --pdeathsig clear flock --shared "$lock" socat - SYSTEM:'tr a-z A-Z' 2>/dev/null &
acceptor=$!

# What was accepted a moment ago still gets its socat; then nobody accepts, and every socat that holds the lock may finish.
finish() {
  sleep 0.3
  kill "$acceptor"
  flock --exclusive "$lock" rm "$lock"
  exit 0
}
trap finish TERM
wait
