"""An asyncio echo server on an inherited socket; on SIGTERM it stops accepting and finishes what is in flight."""
import asyncio
import os
import signal
import socket

conversations = set()


async def echo(reader, writer):
    conversations.add(asyncio.current_task())
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    finally:
        conversations.discard(asyncio.current_task())
        writer.close()


def notify(message):
    """Tells the supervisor, if there is one (sd_notify)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)


async def listen():
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        return await asyncio.start_server(echo, sock=socket.socket(fileno=3))
    return await asyncio.start_server(echo, "127.0.0.1", 8082)


async def main():
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    server = await listen()
    notify("READY=1\nSTATUS=Echoing lines")
    await stopping.wait()
    notify("STOPPING=1")
    server.close()
    await asyncio.sleep(0.1)  # what was accepted a moment ago begins its conversation
    if conversations:
        await asyncio.wait(conversations, timeout=3)


asyncio.run(main())
