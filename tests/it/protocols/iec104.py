"""An IEC 60870-5-104 station and its master by c104, and what they say: a line for each piece of
the stream, C or S for who sent it, and hexadecimal digits."""

import socket
import sys
import threading
import time

import c104


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accept(point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage) -> c104.ResponseState:
    return c104.ResponseState.SUCCESS


def refuse(point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage) -> c104.ResponseState:
    return c104.ResponseState.FAILURE


said = []


def pass_on(side, source, sink):
    while piece := source.recv(4096):
        said.append(f"{side} {piece.hex()}")
        sink.sendall(piece)
    sink.close()


def relay(listener, port):
    client, _ = listener.accept()
    server = socket.create_connection(("127.0.0.1", port))
    for way in [("C", client, server), ("S", server, client)]:
        threading.Thread(target=pass_on, args=way, daemon=True).start()


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("waited in vain")
        time.sleep(0.02)


# Type, number of objects, cause.
INTERROGATION_ENDS, VALUE_BY_ITSELF = "64010a", "0d0103"


def was_said(side, digits):
    return any(line.startswith(side) and digits in line for line in said)


port = free_port()
server = c104.Server(ip="127.0.0.1", port=port, tick_rate_ms=50)
station = server.add_station(common_address=47)
measured = station.add_point(io_address=11, type=c104.Type.M_ME_NC_1)
measured.value = 1.5
for address, receive in [(12, accept), (13, refuse)]:
    station.add_point(io_address=address, type=c104.Type.C_SC_NA_1).on_receive(callable=receive)
server.start()

listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=relay, args=(listener, port), daemon=True).start()
client = c104.Client(tick_rate_ms=50, command_timeout_ms=2000)
connection = client.add_connection(ip="127.0.0.1", port=listener.getsockname()[1], init=c104.Init.INTERROGATION)
remote = connection.add_station(common_address=47)
remote.add_point(io_address=11, type=c104.Type.M_ME_NC_1)
commands = [remote.add_point(io_address=address, type=c104.Type.C_SC_NA_1) for address in (12, 13)]
client.start()
wait_for(lambda: was_said("S", INTERROGATION_ENDS))
for command in commands:
    command.value = True
    command.transmit(cause=c104.Cot.ACTIVATION)
measured.value = 2.5
measured.transmit(cause=c104.Cot.SPONTANEOUS)
wait_for(lambda: was_said("S", VALUE_BY_ITSELF))
print("\n".join(said), flush=True)
