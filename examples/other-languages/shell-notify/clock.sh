#!/bin/sh
# Tells when it is ready, what it is doing, and when it stops. `systemd-notify` is in Debian's package systemd.
trap 'systemd-notify STOPPING=1; kill "$sleeping"; exit 0' TERM

systemd-notify --ready --status="Telling the time"
while :; do
  date
  sleep 10 &
  sleeping=$!
  wait "$sleeping"
done
