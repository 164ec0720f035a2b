#!/bin/sh
# Runs in the guest as soon as its systemd has reached basic.target; what it prints goes to the serial console.
exec >/dev/ttyS0 2>&1
mount -o remount,rw / || exit
exec /opt/node --test --test-reporter=spec /opt/guest.test.ts
