# SPDX-License-Identifier: Apache-2.0
"""An application that uses redis-py as applications do; every setting is the library's default.

A test says by JSON lines on standard input what it does (tests/support/application.py), and it
tells by JSON lines on standard output what became of each call. The first argument, if any, names a
signal that it catches.
"""

import itertools
import json
import signal
import sys
import threading
import time

import redis
from redis.cluster import RedisCluster
from redis.sentinel import Sentinel

telling = threading.Lock()
numbers = itertools.count(1)
clients = {}
revived = threading.Event()


def tell(event, on="", **fields):
    line = {"at": time.monotonic(), "wall": time.time(), "event": event, "on": on, **fields}
    with telling:
        print(json.dumps(line), flush=True)


def printable(value):
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, (list, tuple)):
        return [printable(one) for one in value]
    return value if isinstance(value, (int, float, str, type(None))) else str(value)


def connect(kind, options, seeds=(), primary="", **address):
    if "socket_keepalive_options" in options:
        # JSON has no numbers as keys.
        given = options["socket_keepalive_options"]
        options["socket_keepalive_options"] = {int(key): value for key, value in given.items()}
    if kind == "redis":
        return redis.Redis(**address, **options)
    if kind == "cluster":
        return RedisCluster(**address, **options)
    sentinel = Sentinel([tuple(seed) for seed in seeds], **options)
    return {"primary": sentinel.master_for, "replicas": sentinel.slave_for}[kind](primary)


def call(on, command):
    """One call; whether it succeeded."""
    number = next(numbers)
    began = time.monotonic()
    tell("begin", on, call=number, command=command)
    try:
        value = clients[on].execute_command(*command)
    except redis.RedisError as error:
        tell("end", on, call=number, command=command, began=began, ok=False,
             error=f"{type(error).__name__}: {error}")
        return False
    tell("end", on, call=number, command=command, began=began, ok=True, value=printable(value))
    return True


def repeat(on, command, pause, gives_up):
    """Call after call. One that gives up does not connect again by itself after a failure."""
    while True:
        if not call(on, command) and gives_up:
            clients[on].connection_pool.disconnect()
            revived.clear()
            tell("gave_up", on)
            revived.wait()
        time.sleep(pause)


def listen(on, channel):
    subscription = clients[on].pubsub()
    try:
        subscription.subscribe(channel)
        for message in subscription.listen():
            tell(message["type"], on, value=printable(message["data"]))
    except redis.RedisError as error:
        tell("broken", on, error=f"{type(error).__name__}: {error}")


def fill(on, connections):
    """As many connections in the client's pool as a burst of calls would leave there."""
    pool = clients[on].connection_pool
    for one in [pool.get_connection("PING") for _ in range(connections)]:
        pool.release(one)
    tell("filled", on)


def close(on):
    """Ends the client's connections in order."""
    clients[on].connection_pool.disconnect()
    tell("closed", on)


def on_signal(number, frame):
    del frame
    tell("signal", value=signal.Signals(number).name)
    revived.set()


def main():
    for name in sys.argv[1:]:
        signal.signal(signal.Signals[name], on_signal)
    tell("started")
    ways = {"call": call, "repeat": repeat, "listen": listen, "fill": fill, "close": close}
    for line in sys.stdin:
        order = json.loads(line)
        do = order.pop("do")
        if do == "connect":
            on = order.pop("on")
            clients[on] = connect(**order)
            tell("connected", on)
        else:
            threading.Thread(target=ways[do], kwargs=order, daemon=True).start()


main()
