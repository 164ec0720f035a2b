import signal
import threading

stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
signal.signal(signal.SIGINT, lambda *_: stopping.set())

print("waiting for jobs")
job = 0
while not stopping.wait(5):
    job += 1
    print(f"job {job} done")
print("stopped between two jobs")
