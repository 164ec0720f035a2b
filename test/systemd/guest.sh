#!/bin/sh
# Runs in the guest once its systemd is up; what it prints goes to the serial console.
exec >/dev/ttyS0 2>&1
mount -o remount,rw / || exit
exec /opt/node --test --test-reporter=spec /opt/guest.js
