#!/bin/sh
# nginx on the sockets in LISTEN_FDS. It knows another word for them: NGINX, a list of descriptors that its own binary
# upgrade passes from the old master to the new one.
for fd in $(seq 3 $((2 + LISTEN_FDS))); do NGINX="$NGINX$fd;"; done
export NGINX

# The pid file is written once the configuration is read and the sockets are in use: `ready` in lares.yaml looks for it.
exec nginx -p /tmp -c "$PWD/nginx.conf" -e stderr -g "daemon off; error_log stderr; pid nginx-$$.pid;"
