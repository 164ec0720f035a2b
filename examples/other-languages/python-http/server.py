"""An http.server on the socket it was given (LISTEN_FDS), or on a port of its own when started by hand."""
import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"Hello from Python, pid {os.getpid()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for the requests in flight


def inherited_socket():
    """The first descriptor passed to this very process; they begin at 3."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and int(os.environ.get("LISTEN_FDS", 0)) > 0:
        return socket.socket(fileno=3)
    return None


def notify(message):
    """Tells the supervisor, if there is one (sd_notify)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)


server = Server(("127.0.0.1", 8081), Hello, bind_and_activate=False)
given = inherited_socket()
if given:
    server.socket.close()
    server.socket = given
    # The socket is shared with other instances: never sleep in accept() for a connection that another one took.
    given.setblocking(False)
else:
    server.server_bind()
    server.server_activate()

# shutdown() waits for the loop to end, so it must not run on the loop's own thread.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())

notify("READY=1")
server.serve_forever(poll_interval=0.1)
notify("STOPPING=1")
server.server_close()
